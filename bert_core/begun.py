"""The run that a folder already holds, for `--resume auto`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .errors import CheckpointError, UsageError
from .plan import RUN, Plan, read_run_file
from .training.checkpoints import newest_whole
from .training.run_folder import RUN_FILE, check_free, free_default

RUNS = Path("runs")
_FREE = frozenset(
    {"quiet", "json", "log_every", "log_format", "keep", "save_every", "output", "shard_optimizer", "track"}
)


def default_folder(task: str) -> Path:
    """Where a run that names no `--output` writes: a folder that does not exist yet."""
    return free_default(RUNS, task)


def folder_of(plan: Plan) -> Path:
    """Where a run with `--resume auto` writes: always the same folder."""
    return plan.run.output or RUNS / plan.choices["task"].name


def is_begun(plan: Plan) -> bool:
    """Whether the folder holds this run already.

    Raises:
        UsageError: It holds another run, or something other than a run.
        RunBusyError: Another process writes it.
    """
    path = folder_of(plan)
    check_free(path, overwrite=True)
    if not (path / RUN_FILE).is_file():
        return False
    names, layer = read_run_file(path / RUN_FILE)
    began = {owner: {**table, **_named(names, owner)} for owner, table in layer.tables.items()}
    if odd := list(_differences(began, plan.tables())):
        hint = "Say what it began with, choose another --output, or begin anew with --overwrite and without --resume"
        raise UsageError(f"this run began with other settings: {'; '.join(odd)}", where=path, hint=hint)
    return True


def begun(plan: Plan, say: Callable[[str], None]) -> Path | None:
    """The folder of a run to go on with, or None where there is none or none of its checkpoints is whole.

    Args:
        plan: The run that is wanted.
        say: Where it is told what is found.

    Raises:
        UsageError: The folder holds another run, or something other than a run.
        RunBusyError: Another process writes it.
    """
    if not is_begun(plan):
        return None
    path = folder_of(plan)
    try:
        newest_whole(path, lambda line: None)  # opening the run says what it passes over
    except CheckpointError:
        say(f"resume: {path} has no whole checkpoint, so the run begins anew")
        return None
    return path


def _named(names: Mapping[str, str], owner: str) -> dict[str, str]:
    return {"name": names[owner]} if owner in names else {}


def _differences(began: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """`[run] batch_size 32 and not 16`, for each option that makes it another run."""
    found = []
    for owner in sorted({*began, *wanted}):
        first, second = began.get(owner, {}), wanted.get(owner, {})
        for name in sorted({*first, *second}):
            if first.get(name) != second.get(name) and not (owner == RUN and name in _FREE):
                found.append(f"[{owner}] {name} {first.get(name, 'not said')} and not {second.get(name, 'not said')}")
    return found
