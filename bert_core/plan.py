"""Which plugins a run is made of, and the value of every option: all decided before any work starts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import ConfigError, UsageError
from .manager import PluginManager
from .names import listed
from .options import Layer, Settings, resolve
from .run_options import RunOptions

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CHOSEN = ("task", "model", "optimizer", "schedule", "device")
WITH_PRESETS = ("model", "optimizer")
RUN = "run"
DATA = ("train_data", "eval_data", "test_data")
ONCE = ("overwrite", "stop_after", "max_minutes", "resume", "dry_run", "devices")  # of one start


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One plugin object that a run uses, under the name by which it was asked for."""

    name: str
    spec: Any
    preset: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A whole run, decided: the chosen specs and every option's value and origin."""

    choices: Mapping[str, Choice]
    settings: Settings

    @property
    def run(self) -> RunOptions:
        """The options that every run has."""
        options: RunOptions = self.settings.values[RUN]
        return options

    def options(self, kind: str) -> Any:
        """The options of the chosen spec of a kind."""
        return self.settings.values[kind]

    @property
    def compute_dtype(self) -> str:
        """The type of matrix products: the one asked for, else the first of the device's that the model has."""
        model, device = (self.choices[kind].spec.compute_dtypes for kind in ("model", "device"))
        return self.run.compute_dtype or next(dtype for dtype in device if dtype in model)

    def tables(self) -> dict[str, dict[str, Any]]:
        """The run file that does this run again, from whatever folder it is started in."""
        here = Path.cwd()
        tables = self.settings.tables(here)
        for name in ONCE:
            tables[RUN].pop(name, None)
        if self.run.weights is not None and (folder := Path(self.run.weights).expanduser()).is_dir():
            tables[RUN]["weights"] = str(here / folder)
        return {owner: {**self._named(owner), **table} for owner, table in tables.items()}

    def _named(self, owner: str) -> dict[str, str]:
        return {"name": self.choices[owner].name} if owner in self.choices else {}


def choose(manager: PluginManager, wanted: Mapping[str, str | None]) -> dict[str, Choice]:
    """The spec of each kind, by the name asked for or the one that offers itself.

    Args:
        manager: The plugins.
        wanted: Names by kind; None or absent where nobody asked.

    Raises:
        PluginError: A name is unknown, or nothing was asked for and nothing offers itself.
        UsageError: No task was asked for.
    """
    return {kind: _choice(manager, kind, wanted.get(kind)) for kind in CHOSEN}


def _choice(manager: PluginManager, kind: str, name: str | None) -> Choice:
    if name is None and kind == "task":
        raise UsageError("no task was chosen", hint=f"Say --task with one of: {listed(manager.specs(kind))}")
    if name is not None:
        return find(manager, kind, name)
    spec = manager.preferred(kind)
    return Choice(name=spec.name, spec=spec, preset={})


def find(manager: PluginManager, kind: str, name: str) -> Choice:
    """A spec by its name or by that of one of its presets.

    Raises:
        PluginError: There is none.
    """
    wanted = name.lower().replace("_", "-")
    for spec in manager.specs(kind).values() if kind in WITH_PRESETS else ():
        if wanted in spec.presets:
            return Choice(name=wanted, spec=spec, preset=spec.presets[wanted])
    if kind in WITH_PRESETS and wanted not in manager.specs(kind):
        raise manager.missing(kind, name, names_of(manager, kind))
    spec = manager.get(kind, name)
    return Choice(name=spec.name, spec=spec, preset={})


def names_of(manager: PluginManager, kind: str) -> list[str]:
    """The specs of a kind, each followed by its presets."""
    specs = manager.specs(kind).values()
    return [name for spec in specs for name in (spec.name, *getattr(spec, "presets", ()))]


def owners(choices: Mapping[str, Choice]) -> dict[str, type]:
    """The options dataclass of every owner of a run."""
    return {RUN: RunOptions, **{kind: choice.spec.options for kind, choice in choices.items()}}


def make_plan(
    manager: PluginManager,
    *,
    wanted: Mapping[str, str | None],
    layers: Iterable[Layer],
    config: Mapping[str, object] | None = None,
) -> Plan:
    """Decide a run.

    Args:
        manager: The plugins.
        wanted: Names by kind.
        layers: Command line, run file, environment: the first one that has a value wins.
        config: The `config.json` of the weights; it gives the model's family and sizes.

    Raises:
        PluginError: A name is unknown or claimed twice.
        ConfigError: Every other problem at once.
    """
    wanted, layers = dict(wanted), list(layers)
    if config is not None and not wanted.get("model"):
        wanted["model"] = str(config.get("model_type", "bert"))
    choices = choose(manager, wanted)
    if config is not None:
        _check_preset(choices["model"], config)
    task = choices["task"]
    on_sample = not any(said(layers, name) for name in DATA)
    defaults = [
        Layer(origin="weights", tables={"model": config or {}}, strict=False),
        Layer(origin="vocabulary", tables={"model": _vocabulary(layers) if config is None else {}}, strict=False),
        *(Layer(origin=f"preset {choices[kind].name}", tables={kind: choices[kind].preset}) for kind in WITH_PRESETS),
        Layer(origin=f"sample of {task.name}", tables={RUN: task.spec.sample if on_sample else {}}),
        Layer(origin=f"task {task.name}", tables={RUN: task.spec.defaults}),
    ]
    plan = Plan(choices=choices, settings=resolve(owners(choices), [*layers, *defaults]))
    if problems := list(_beyond(plan)):
        raise ConfigError(problems)
    for name in plan.run.track:
        manager.get("tracker", name)
    return plan


def _beyond(plan: Plan) -> Iterable[str]:
    """What was asked for and the chosen model or device cannot do."""
    model, device = plan.choices["model"].spec, plan.choices["device"].spec
    both = [dtype for dtype in device.compute_dtypes if dtype in model.compute_dtypes]
    if not both:
        yield f"the model '{model.name}' and the device '{device.name}' have no compute dtype in common"
    elif plan.run.compute_dtype not in (None, *both):
        who = f"the model '{model.name}' on the device '{device.name}' computes in {listed(both)}"
        yield f"--compute-dtype {plan.run.compute_dtype}: {who}"
    if plan.run.recompute and not model.recomputes:
        yield f"--recompute: the model '{model.name}' cannot compute its layers again"
    yield from _beyond_layers(plan)


def _beyond_layers(plan: Plan) -> Iterable[str]:
    """What was asked for of layers that the chosen model does not have."""
    model, run = plan.choices["model"].spec, plan.run
    if not run.by_layer:
        return
    if model.layers is None:
        yield f"{', '.join(run.by_layer)}: the model '{model.name}' does not say which parameters are of which layer"
    elif run.freeze_layers > (count := len(model.layers(plan.options("model"))) - 1):
        has = "one layer" if count == 1 else f"{count} layers"
        yield f"--freeze-layers {run.freeze_layers}: the model '{plan.choices['model'].name}' has {has}"


def _check_preset(model: Choice, config: Mapping[str, object]) -> None:
    """Refuse weights of another size than the preset that was asked for."""
    wanted = {"model_type": model.spec.name, **model.preset}
    stored = {"model_type": "bert", **config}
    differ = [name for name, value in wanted.items() if stored.get(name, value) != value]
    if differ:
        listing = ", ".join(f"{name} {stored[name]} and not {wanted[name]}" for name in differ)
        raise ConfigError(
            [f"--model {model.name} is not what the weights are of: they have {listing}. Leave out --model"]
        )


def _vocabulary(layers: Iterable[Layer]) -> dict[str, object]:
    """As many word embeddings as the vocabulary has pieces, where it can be read (opening it says why not)."""
    path = said(layers, "vocab")
    try:
        return {"vocab_size": len(Path(str(path)).expanduser().read_bytes().splitlines())} if path else {}
    except (OSError, ValueError):  # a NUL is an error of neither the disk nor this place: resolving says so
        return {}


def said(layers: Iterable[Layer], name: str) -> object:
    """What the first layer that says anything says of an option of every run, or None."""
    values = (layer.flat.get(name) or layer.tables.get(RUN, {}).get(name) for layer in layers)
    return next((value for value in values if value), None)


def read_run_file(path: Path) -> tuple[dict[str, str], Layer]:
    """The names and the values of a run file in TOML.

    Raises:
        ConfigError: It cannot be read, is not TOML, or holds something else than tables.
    """
    tables = read_toml(path)
    if "phases" in tables:
        raise ConfigError([f"{path} is of a run in phases; each phase's folder has a run file of its own"])
    return named_layer(str(path), tables)


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a file in TOML.

    Raises:
        ConfigError: It cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"cannot read the run file {path}: {error.strerror}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"the run file {path} is not TOML: {error}"]) from None


def named_layer(origin: str, tables: dict[str, Any]) -> tuple[dict[str, str], Layer]:
    """The names and the values in the tables of a run file.

    Raises:
        ConfigError: Something stands outside a table.
    """
    loose = [name for name, value in tables.items() if not isinstance(value, dict)]
    if loose:
        raise ConfigError(
            [f"{origin}: {name!r} stands outside a table; tables are [run], [task], ..." for name in loose]
        )
    names = {kind: str(tables[kind].pop("name")) for kind in CHOSEN if "name" in tables.get(kind, {})}
    return names, Layer(origin=origin, tables=tables)


def without_overruled(names: Mapping[str, str], layer: Layer, told: Mapping[str, str | None]) -> Layer:
    """A run file without what names on the command line overrule: the sizes of another model, and the like.

    Args:
        names: The names in the run file, by kind.
        layer: Its values.
        told: Names on the command line by kind, and its `weights` and `vocab`.
    """
    gone = {kind for kind in CHOSEN if told.get(kind) is not None and told[kind] != names.get(kind)}
    if told.get("weights") is not None:
        gone.add("model")
    tables = {owner: dict(table) for owner, table in layer.tables.items() if owner not in gone}
    if told.get("vocab") is not None:
        tables.get("model", {}).pop("vocab_size", None)
    return Layer(origin=layer.origin, tables=tables)


def environment_layer(environment: Mapping[str, str]) -> Layer:
    """The values of `BERTRUN_LEARNING_RATE` and the like; empty ones and other `BERTRUN_` names say nothing."""
    prefix = "BERTRUN_"
    said = {name: value for name, value in environment.items() if name.startswith(prefix) and value}
    flat = {name.removeprefix(prefix).lower(): value for name, value in said.items()}
    return Layer(origin="environment", flat=flat, strict=False)


def read_config(folder: Path) -> dict[str, object]:
    """The `config.json` of a folder of weights, or nothing where it cannot be read (loading says why)."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}
