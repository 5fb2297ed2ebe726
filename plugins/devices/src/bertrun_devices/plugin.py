"""The entry point: what this package adds, without importing MindSpore."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import click

from bert_core import DeviceSpec, RunView, StepRecord, hookimpl

from .cpu import CpuOptions, build, probe
from .launch.commands import launch
from .launch.heartbeat import beat


@hookimpl
def bertrun_register_devices() -> Iterable[DeviceSpec]:
    """The processor."""
    yield DeviceSpec(
        name="cpu",
        summary="This machine's processor.",
        target="CPU",
        options=CpuOptions,
        preferred=True,
        probe=probe,
        build=build,
        compute_dtypes=("float32", "float16"),
        loss_scale=65536.0,
    )


@hookimpl
def bertrun_register_commands() -> Iterable[click.Command]:
    """Many processes from one command."""
    yield launch


@hookimpl
def bertrun_on_run_begin(run: RunView) -> None:
    """A sign of progress."""
    beat()


@hookimpl
def bertrun_on_step_end(run: RunView, step: StepRecord) -> None:
    """A sign of progress."""
    beat()


@hookimpl
def bertrun_on_eval_end(run: RunView, scores: Mapping[str, float]) -> None:
    """A sign of progress."""
    beat()
