"""How far a run has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .loss_scale import LossScale


@dataclass(kw_only=True)
class Progress:
    """How far a run has come.

    Args:
        step: Batches that it has seen.
        updates: How many of them changed the parameters; the others overflowed.
        carried: Updates that the optimizer's state had seen before the run, where it was taken from another one.
        scale: The loss scale, where there is one.
    """

    step: int = 0
    updates: int = 0
    carried: int = 0
    scale: LossScale | None = None

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of it, as JSON values."""
        scale = None if self.scale is None else self.scale.state()
        return {"step": self.step, "updates": self.updates, "carried": self.carried, "scale": scale}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` gave."""
        self.step, self.updates, self.carried = (int(state[name]) for name in ("step", "updates", "carried"))
        if self.scale is not None and state["scale"] is not None:
            self.scale.restore(state["scale"])
