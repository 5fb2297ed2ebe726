"""The dynamic loss scale: down at an overflow, up after a stretch without one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_HIGHEST = 2.0**64  # far from where float32 ends, and beyond where any gradient in float16 is finite


@dataclass(kw_only=True)
class LossScale:
    """By what the loss is multiplied, so that small gradients do not vanish in half precision.

    After Micikevicius et al. 2018, "Mixed Precision Training", section 3.2; in numbers as the ModelZoo's: an
    overflow divides the scale and begins to count anew, and `window` updates without one multiply it.

    Args:
        value: The scale.
        factor: What it is divided and multiplied by.
        window: Updates without an overflow after which it grows.
        updates: How many there were since it last changed.
        overflows: How many there were in a row.
    """

    value: float
    factor: float
    window: int
    updates: int = 0
    overflows: int = 0

    def passed(self) -> None:
        """An update was made."""
        self.overflows = 0
        self.updates += 1
        if self.updates >= self.window:
            self.value = min(self.value * self.factor, _HIGHEST)
            self.updates = 0

    def overflowed(self) -> None:
        """An update was not made, as a gradient was not finite."""
        self.overflows += 1
        self.updates = 0
        self.value = max(self.value / self.factor, 1.0)

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of it, as JSON values."""
        return {"value": self.value, "updates": self.updates, "overflows": self.overflows}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` gave."""
        self.value = float(state["value"])
        self.updates, self.overflows = int(state["updates"]), int(state["overflows"])
