"""A third party's device: it computes on the processor, with an operator of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bert_core import Device, DeviceSpec, Probe, hookimpl, option

BEADS = Path(__file__).parent / "beads"  # a test hides them


@dataclass(frozen=True, kw_only=True)
class AbacusOptions:
    """What can be said of it."""

    rods: int = option(10, minimum=1, help="How many rods it has.")


def probe() -> Probe:
    """Whether its beads are there."""
    if BEADS.exists():
        return Probe(available=True, findings=("Its beads are here.",), warnings=("One is loose.",))
    return Probe(available=False, findings=(f"It has no beads: put some at {BEADS.name}.",))


def build(options: Any, device_id: int) -> Device:
    """Make it ready."""
    import mindspore as ms
    from fake_abacus_operators import Counted

    if ms.get_context("device_target") != "CPU":
        ms.set_device("CPU", device_id)
    ms.set_context(mode=ms.GRAPH_MODE)
    return Device(operators={"relu": Counted})


@hookimpl
def bertrun_register_devices():
    yield DeviceSpec(
        name="abacus",
        summary="Beads on rods.",
        target="CPU",
        options=AbacusOptions,
        probe=probe,
        build=build,
        collective="mccl",
        graph_levels=("O0",),
        environment={"ABACUS_RODS": "10"},
    )
