"""What MindSpore's wheel was built for, as far as its files say."""

from __future__ import annotations

from .machine import Machine
from .notes import Notes

REQUIREMENT = "'mindspore>=2.10,<2.11'"


def check_wheel(machine: Machine, notes: Notes, *, device: str, needs: tuple[str, ...]) -> None:
    """Note whether the wheel has what a kind of device needs.

    Args:
        machine: Where it is installed.
        notes: What is found goes here.
        device: The kind of device, in words.
        needs: Paths in the package, of which each must be there.
    """
    if machine.wheel is None:
        notes.lacks(f"MindSpore is not installed: pip install {REQUIREMENT}.")
        return
    missing = [path for path in needs if not (machine.wheel / path).exists()]
    if missing:
        notes.lacks(
            f"This MindSpore is built without {device} (it has no {', '.join(missing)}):"
            f" on Linux, pip install {REQUIREMENT} brings it."
        )
