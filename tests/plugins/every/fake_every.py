"""A plugin that implements every hook, and remembers what it saw."""

from __future__ import annotations

from pathlib import Path

import click

from bert_core import (
    Device,
    DeviceSpec,
    MetricSpec,
    ModelSpec,
    OptimizerSpec,
    Probe,
    ScheduleSpec,
    TaskSpec,
    TrackerSpec,
    WeightsSpec,
    hookimpl,
)

SEEN = []


def _build(*arguments):
    raise NotImplementedError


@hookimpl
def bertrun_register_models():
    yield ModelSpec(name="every-model", summary="A model.", build=_build, presets={"every-tiny": {}})


@hookimpl
def bertrun_register_tasks():
    yield TaskSpec(name="every-task", summary="A task.", build=_build)


@hookimpl
def bertrun_register_metrics():
    yield MetricSpec(name="every-metric", summary="A metric.", build=_build)


@hookimpl
def bertrun_register_optimizers():
    yield OptimizerSpec(name="every-optimizer", summary="An optimizer.", build=_build)


@hookimpl
def bertrun_register_schedules():
    yield ScheduleSpec(name="every-schedule", summary="A schedule.", build=_build)


@hookimpl
def bertrun_register_devices():
    yield DeviceSpec(
        name="every-device",
        summary="A device.",
        target="CPU",
        probe=lambda: Probe(available=False, findings=("It is not there.",)),
        build=lambda options, device_id: Device(),
        compute_dtypes=("float16", "float32"),
    )


@hookimpl
def bertrun_register_weights():
    yield WeightsSpec(name="every-weights", summary="Weights.", licence="MIT", folder=lambda: Path("nowhere"))


class _Tracker:
    @hookimpl
    def bertrun_on_step_end(self, step):
        SEEN.append(("tracked", step))


@hookimpl
def bertrun_register_trackers():
    yield TrackerSpec(name="every-tracker", summary="A tracker.", build=lambda options: _Tracker())


@hookimpl
def bertrun_register_commands():
    yield click.Command("every-command", help="A command.")


@hookimpl
def bertrun_on_run_begin(run):
    SEEN.append(("begin", run))


@hookimpl
def bertrun_on_step_end(step, run):
    SEEN.append(("step", run, step))


@hookimpl
def bertrun_on_eval_end(scores):
    SEEN.append(("eval", scores))


@hookimpl
def bertrun_on_checkpoint(run, path):
    SEEN.append(("checkpoint", run, path))


@hookimpl
def bertrun_on_run_end(run, outcome):
    SEEN.append(("end", run, outcome))
