"""The processor as a device."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from typing import Any

from bert_core import Device, Probe, option


@dataclass(frozen=True, kw_only=True)
class CpuOptions:
    """What can be said of it."""

    threads: int | None = option(None, minimum=1, help="Threads to compute with; by default one for each processor.")


def probe() -> Probe:
    """Whether MindSpore is installed; nothing else is needed."""
    if importlib.util.find_spec("mindspore") is None:
        return Probe(available=False, findings=("MindSpore is not installed: pip install 'mindspore>=2.10,<2.11'.",))
    return Probe(available=True, findings=(f"{os.cpu_count()} processors.",))


def build(options: Any, device_id: int) -> Device:
    """Choose the processor and how many threads compute; the same threads give the same bytes."""
    import mindspore as ms

    if ms.get_context("device_target") != "CPU":  # to say so again after a first graph is an error (MindSpore 2.10)
        ms.set_device("CPU", device_id)
    ms.set_context(mode=ms.GRAPH_MODE)
    if options.threads is not None:
        ms.runtime.set_cpu_affinity(False)
        ms.runtime.dispatch_threads_num(options.threads)
        os.environ["OMP_NUM_THREADS"] = str(options.threads)  # what computes beside MindSpore goes by it
    return Device()
