"""An Ascend as a device: Huawei's accelerator, which MindSpore reaches through CANN. Never run on one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from bert_core import Device, option

from .made_ready import deterministic, ready

GRAPH_LEVELS = ("O0", "O1")
ENVIRONMENT = {
    "HCCL_CONNECT_TIMEOUT": "600",  # seconds, as the ModelZoo's launcher says: 120 is too short for a big data set
    "MS_ASCEND_CHECK_OVERFLOW_MODE": "INFNAN_MODE",  # an overflow is to be seen in the gradients, not saturated
}


@dataclass(frozen=True, kw_only=True)
class AscendOptions:
    """What can be said of it."""

    jit_level: Literal["O0", "O1"] = option("O0", help="How far graphs are optimised: O1 also joins operators.")
    fused_attention: bool = option(
        False, help="Compute attention in one operator where no values drop out of it; Atlas A2 and A3 have it."
    )
    deterministic: bool = option(True, help="Compute the same bytes each time; slower.")


def build(options: Any, device_id: int) -> Device:
    """Choose the Ascend of a number, and how graphs and attention are computed there."""
    ready("Ascend", device_id, jit_level=options.jit_level)
    if options.deterministic:
        deterministic()
    if not options.fused_attention:
        return Device()
    from .flash import FlashAttention

    return Device(operators={"fused_attention": FlashAttention})
