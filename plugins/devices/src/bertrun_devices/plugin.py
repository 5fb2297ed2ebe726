"""The entry point: what this package adds, without importing MindSpore."""

from __future__ import annotations

from collections.abc import Iterable

import click

from bert_core import DeviceSpec, Probe, hookimpl

from . import ascend, cpu, gpu
from .doctor.command import doctor
from .launch.commands import launch


@hookimpl
def bertrun_register_devices() -> Iterable[DeviceSpec]:
    """The processor, Ascend and GPU."""
    yield DeviceSpec(
        name="cpu",
        summary="This machine's processor.",
        target="CPU",
        options=cpu.CpuOptions,
        preferred=True,
        probe=cpu.probe,
        build=cpu.build,
        compute_dtypes=("float32", "float16"),
        loss_scale=65536.0,
        collective="mccl",
        bind_cores=True,
        launcher=launch.name,
    )
    yield DeviceSpec(
        name="ascend",
        summary="Huawei's Ascend, by CANN.",
        target="Ascend",
        options=ascend.AscendOptions,
        probe=_probe_ascend,
        build=ascend.build,
        compute_dtypes=("float16", "bfloat16", "float32"),
        loss_scale=65536.0,
        collective="hccl",
        data_sink=True,
        graph_levels=ascend.GRAPH_LEVELS,
        bind_cores=True,
        launcher=launch.name,
        environment=ascend.ENVIRONMENT,
    )
    yield DeviceSpec(
        name="gpu",
        summary="NVIDIA's GPU, by CUDA 11.6 and cuDNN 8.",
        target="GPU",
        options=gpu.GpuOptions,
        probe=_probe_gpu,
        build=gpu.build,
        compute_dtypes=("float32", "float16"),
        loss_scale=65536.0,
        collective="nccl",
        data_sink=True,
        graph_levels=gpu.GRAPH_LEVELS,
        bind_cores=True,
        launcher=launch.name,
    )


@hookimpl
def bertrun_register_commands() -> Iterable[click.Command]:
    """Many processes from one command, and whether runs can go here."""
    yield launch
    yield doctor


def _probe_ascend() -> Probe:
    from .ascend_probe import probe

    return probe()


def _probe_gpu() -> Probe:
    from .gpu_probe import probe

    return probe()
