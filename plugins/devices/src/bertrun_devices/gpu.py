"""A GPU as a device: NVIDIA's, which MindSpore reaches through CUDA 11.6 and cuDNN 8. Never run on one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from bert_core import Device, option

from .made_ready import deterministic, ready

GRAPH_LEVELS = ("O0", "O1")


@dataclass(frozen=True, kw_only=True)
class GpuOptions:
    """What can be said of it."""

    jit_level: Literal["O0", "O1"] = option("O0", help="How far graphs are optimised: O1 also joins operators.")
    deterministic: bool = option(True, help="Compute the same bytes each time; slower.")


def build(options: Any, device_id: int) -> Device:
    """Choose the GPU of a number, and how graphs are compiled for it."""
    ready("GPU", device_id, jit_level=options.jit_level)
    if options.deterministic:
        deterministic()
    return Device()
