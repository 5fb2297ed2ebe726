"""How the learning rate moves: factors of the base rate, as functions of the step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bert_core import option


@dataclass(frozen=True, kw_only=True)
class WarmupOptions:
    """A share or a number of steps over which the rate rises."""

    warmup: float = option(0.1, minimum=0, metavar="SHARE|STEPS", help="Steps of warm-up; below 1, a share of them.")

    def problems(self) -> Iterable[str]:
        """Values that make no sense."""
        if self.warmup > 1 and self.warmup != int(self.warmup):
            yield f"--warmup {self.warmup} is neither a share below 1 nor a whole number of steps"

    def steps(self, total: int) -> int:
        """The number of steps of warm-up among a total."""
        return int(self.warmup if self.warmup >= 1 else self.warmup * total)


class Linear:
    """Rise linearly over the warm-up, then fall linearly, to reach 0 just after the last step.

    The first step has the rate 1 / warm-up (not 0, as in Google's code, whose first update changes nothing),
    and there is no jump where the warm-up ends.
    """

    def __init__(self, options: WarmupOptions, total: int) -> None:
        self._warmup = options.steps(total)
        self._total = total

    def __call__(self, step: int) -> float:
        """The factor for a step, counted from 0."""
        if step < self._warmup:
            return (step + 1) / self._warmup
        return max(0.0, (self._total - step) / max(1, self._total - self._warmup))


class Constant:
    """Rise linearly over the warm-up, then stay."""

    def __init__(self, options: WarmupOptions, total: int) -> None:
        self._warmup = options.steps(total)

    def __call__(self, step: int) -> float:
        """The factor for a step, counted from 0."""
        return min(1.0, (step + 1) / max(1, self._warmup))
