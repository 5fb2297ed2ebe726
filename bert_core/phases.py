"""A run in phases: one after the other, each from the weights with which the one before ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w

from .errors import ConfigError, UsageError
from .files import link, write_json, write_text
from .options import Layer
from .plan import CHOSEN, RUN, Plan, named_layer, read_toml
from .training.run_folder import RUN_FILE, check_free

if TYPE_CHECKING:
    from .training.ranks import Ranks

DONE = "phases.json"
KEY = "phases"
_OF_ALL = ("output", "overwrite", "resume", "dry_run", "devices")  # options of the whole run, not of one phase


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One part of a run file with `[[phases]]`.

    Args:
        name: Of its folder.
        names: The chosen plugins by kind.
        layer: Its values, over those of the whole file.
    """

    name: str
    names: Mapping[str, str]
    layer: Layer

    @property
    def starts_anew(self) -> bool:
        """Whether it names weights of its own."""
        return "weights" in self.layer.tables.get(RUN, {})


def read_phases(path: Path) -> list[Phase]:
    """The phases of a run file; none where it has no `[[phases]]`.

    Raises:
        ConfigError: It cannot be read, is not TOML, or a phase is no table of tables.
    """
    tables = read_toml(path)
    said = tables.pop(KEY, [])
    if not isinstance(said, list) or not all(isinstance(phase, dict) for phase in said):
        raise ConfigError([f"{path}: phases are tables, each begins with [[{KEY}]]"])
    return [_phase(path, tables, number, dict(phase)) for number, phase in enumerate(said, 1)]


def _phase(path: Path, whole: Mapping[str, Any], number: int, said: dict[str, Any]) -> Phase:
    title = said.pop("name", "")
    name = f"phase-{number}-{title}" if title else f"phase-{number}"
    if not isinstance(title, str) or Path(name).name != name:
        raise ConfigError([f"{path}: the name of phase {number} is {title!r}, and a folder is called by it"])
    odd = [key for key in said if not isinstance(said[key], dict)]
    if odd:
        known = ", ".join(f"[{KEY}.{owner}]" for owner in (RUN, *CHOSEN))
        raise ConfigError([f"{path}: {odd[0]!r} of phase {number} stands outside a table; tables are {known}"])
    own = said.get(RUN, {})
    if wrong := [option for option in _OF_ALL if option in own]:
        raise ConfigError([f"{path}: {wrong[0]!r} is said of the whole run, in [{RUN}], and not of phase {number}"])
    owners = {**whole, **said}
    tables: dict[str, Any] = {owner: {**whole.get(owner, {}), **said.get(owner, {})} for owner in owners}
    if number > 1 and "weights" not in own:
        tables.get(RUN, {}).pop("weights", None)  # those of the whole file are what the first phase begins with
    names, layer = named_layer(f"{path}, phase {number}", tables)
    return Phase(name=name, names=names, layer=layer)


def before(phase: Phase, previous: Path | None, folder: Path, *, dry: bool) -> Layer:
    """What the place of a phase among the others decides: where it writes, and which weights it begins with.

    Args:
        phase: The phase.
        previous: The folder of the one before; None for the first.
        folder: Of the whole run.
        dry: Whether the one before leaves nothing to begin with, as nothing is trained.
    """
    flat: dict[str, object] = {"output": str(folder / phase.name)}
    if dry:
        flat["carry_moments"] = False
    elif previous is not None and not phase.starts_anew:
        flat["weights"] = str(previous)
    return Layer(origin="the phase before", flat=flat)


def run_phases(
    plans: Sequence[Plan],
    folder: Path,
    start: Callable[[Plan, Path | None, Ranks], bool],
    *,
    resume: bool,
    overwrite: bool,
) -> None:
    """Run the phases that are not done; of several processes the first one writes what belongs to all phases.

    Args:
        plans: One for each phase, in order; each writes into a folder of its own in `folder`.
        folder: Of the whole run.
        start: Runs a plan, or goes on with the folder that it is given, among these processes; says whether it came
            to its end.
        resume: Whether to go on with what the folder holds.
        overwrite: Whether what the folder holds may be replaced.

    Raises:
        BertrunError: Whatever stops a phase; `bertrun resume` goes on with it.
    """
    from .training.ranks import Ranks  # which imports NumPy

    ranks = Ranks.of()
    if not resume and ranks.leads:
        check_free(folder, overwrite=overwrite)
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / RUN_FILE, tomli_w.dumps({KEY: [_table(plan) for plan in plans]}))
        write_json(folder / DONE, {"done": []})
    done = _done(folder) if resume else []
    for plan in plans:
        path = plan.run.output
        assert path is not None
        if path.name in done:
            continue
        begun = resume and (path / "latest").exists()
        if not start(plan, path if begun else None, ranks):
            return
        done.append(path.name)
        if ranks.leads:
            write_json(folder / DONE, {"done": done})
            for name in ("best", "latest"):
                link(folder / name, f"{path.name}/{name}")
        ranks.meet()  # what the next phase begins with is written


def _done(folder: Path) -> list[str]:
    try:
        return [str(name) for name in json.loads((folder / DONE).read_text(encoding="utf-8"))["done"]]
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(
            f"{DONE} is missing or damaged, so it is not known which phases are done",
            where=folder,
            hint="Go on with one phase alone: `bertrun resume` and its folder",
        ) from None


def _table(plan: Plan) -> dict[str, Any]:
    """A phase in the file that does the whole run again, without what its place among the others decides."""
    tables: dict[str, Any] = plan.tables()
    path = plan.run.output
    assert path is not None
    own = tables[RUN]
    own.pop("output")
    if str(own.get("weights", "")).startswith(str(path.parent.absolute())):
        own.pop("weights")
    title = path.name.split("-", 2)[2:]
    return {**({"name": title[0]} if title else {}), **tables}
