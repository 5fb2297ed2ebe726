"""The entry point: what this package adds, without importing MindSpore."""

from __future__ import annotations

from collections.abc import Iterable

import click

from bert_core import DeviceSpec, hookimpl

from .cpu import CpuOptions, build, probe
from .launch.commands import launch


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
