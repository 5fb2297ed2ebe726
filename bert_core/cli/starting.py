"""From what was said to a run that goes, with what it prints on this console."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bert_core.begun import default_folder, is_begun
from bert_core.errors import UsageError
from bert_core.interrupt import ctrl_c_later
from bert_core.manager import PluginManager
from bert_core.options import Layer
from bert_core.phases import DONE, Phase, before, read_phases, run_phases
from bert_core.plan import DATA, RUN, Plan, find, make_plan, read_config, read_run_file, read_toml, said
from bert_core.probing import check_available

from .launching import check_alone, shared


@dataclass(frozen=True)
class Wanted:
    """What a run was told: names by kind, and values from the environment and a run file."""

    names: Mapping[str, str | None]
    layers: list[Layer]


def decide(manager: PluginManager, names: Mapping[str, str | None], layers: list[Layer]) -> Plan:
    """The plan of a run whose weights, where named, give the model's sizes."""
    _check_device(manager, names)
    layers = [*layers, *_of_sample(manager, names, layers)]
    return make_plan(manager, wanted=names, layers=layers, config=config_of_weights(manager, layers))


def _check_device(manager: PluginManager, names: Mapping[str, str | None]) -> None:
    """Refuse a device that is asked for and not here, before anything is read for it."""
    if name := names.get("device"):
        check_available(manager.get("device", name))


def _of_sample(manager: PluginManager, names: Mapping[str, str | None], layers: list[Layer]) -> Iterator[Layer]:
    """The weights of a run whose command line names neither data nor what to begin with."""
    task = names.get("task")
    told = any(layer.tables for layer in layers)  # by a run file
    named = told or names.get("model") or any(said(layers, name) for name in (*DATA, "weights", "vocab"))
    weights = find(manager, "task", task).spec.sample_weights if task and not named else None
    if weights is not None:
        yield Layer(origin=f"sample of {task}", tables={RUN: {"weights": weights}})


def config_of_weights(manager: PluginManager, layers: list[Layer]) -> Mapping[str, object] | None:
    """The `config.json` of the weights that are named."""
    with ctrl_c_later():  # NumPy starts threads
        from bert_core.weights.opened import config_of
    from bert_core.weights.store import resolve, weights_folder

    weights = said(layers, "weights")
    named = isinstance(weights, str)  # anything else is refused with the other options
    return config_of(weights_folder(resolve(str(weights), manager.specs("weights")))) if named else None


def start(manager: PluginManager, plan: Plan, resume: Path | None = None, ranks: Any = None) -> bool:
    """Run a plan, or go on with the folder of a run, as one of those processes; whether it came to its end."""
    with ctrl_c_later():  # NumPy starts threads
        from bert_core.runner import train
    from bert_core.seeds import train_seeds

    from .console import Console

    run = plan.run
    console = Console(quiet=run.quiet, json=run.json, modelzoo=run.log_format == "modelzoo")
    try:
        if run.seeds > 1 and not run.dry_run:
            check_alone(f"--seeds {run.seeds}", run.devices)
            train_seeds(plan, manager, console, resume=resume)
            return True
        return train(plan, manager, console, resume=resume, ranks=ranks)
    finally:
        console.close()


def decide_phases(manager: PluginManager, phases: Sequence[Phase], wanted: Sequence[Wanted]) -> tuple[list[Plan], Path]:
    """The plans of a file with phases, all before the first one starts, and the folder of the whole run."""
    for one in wanted:
        _check_device(manager, one.names)
    named = said(wanted[0].layers, "output")
    if not named and shared():
        raise UsageError("several processes have to be told where phases are written", hint="Say --output")
    folder = Path(str(named)) if named else default_folder(str(wanted[0].names.get("task")))
    plans = _plans(manager, phases, wanted, folder)
    if plans[0].run.seeds > 1:
        raise UsageError(
            "--seeds and phases do not go together", hint="Say --seed and --output, and run it once for each"
        )
    return plans, folder


def start_phases(manager: PluginManager, plans: Sequence[Plan], folder: Path) -> None:
    """Run phases, one after the other."""
    first = plans[0].run
    if first.dry_run:
        for plan in plans:
            start(manager, plan)
        return
    auto = first.resume == "auto"
    again = auto and (folder / DONE).is_file()
    for plan in plans if again else ():
        is_begun(plan)  # refuses what began with other settings
    run_phases(plans, folder, partial(start, manager), resume=again, overwrite=first.overwrite or auto)


def _plans(manager: PluginManager, phases: Sequence[Phase], wanted: Sequence[Wanted], folder: Path) -> list[Plan]:
    """A plan for each phase; the sizes of all are those of the weights that the first one begins with."""
    config = config_of_weights(manager, wanted[0].layers)
    plans: list[Plan] = []
    for phase, one in zip(phases, wanted, strict=True):
        previous = plans[-1].run.output if plans else None
        dry = bool(said(one.layers, "dry_run"))
        place = before(phase, previous, folder, dry=dry)
        plans.append(make_plan(manager, wanted=one.names, layers=[place, *one.layers], config=config))
    return plans


def resume(manager: PluginManager, folder: Path) -> None:
    """Go on with the run of a folder, or with the first of its phases that is not done."""
    if "phases" in read_toml(folder / "run.toml"):
        phases = read_phases(folder / "run.toml")
        plans = _plans(manager, phases, [Wanted(phase.names, [phase.layer]) for phase in phases], folder)
        run_phases(plans, folder, partial(start, manager), resume=True, overwrite=False)
        return
    names, layer = read_run_file(folder / "run.toml")
    _check_device(manager, names)
    config = read_config(folder / "latest") if (folder / "latest").is_dir() else None
    start(manager, make_plan(manager, wanted=names, layers=[layer], config=config), folder)
