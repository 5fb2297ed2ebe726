"""An accelerator is made ready: what is the same for all of them."""

from __future__ import annotations

from functools import cache


def ready(target: str, device_id: int, *, jit_level: str) -> None:
    """Choose a device, and compile graphs for it.

    Args:
        target: MindSpore's name of its kind.
        device_id: Its number.
        jit_level: How far graphs are optimised.
    """
    import mindspore as ms

    ms.set_device(target, device_id)
    ms.set_context(mode=ms.GRAPH_MODE, jit_config={"jit_level": jit_level})


@cache  # a process cannot say it twice (MindSpore 2.10)
def deterministic() -> None:
    """Take operators that give the same bytes each time."""
    import mindspore as ms

    ms.set_deterministic(True)
