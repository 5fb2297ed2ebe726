"""How the learning rate moves: factors of the base rate, as functions of the step."""

from __future__ import annotations

import math
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


@dataclass(frozen=True, kw_only=True)
class EndOptions(WarmupOptions):
    """The warm-up, and where the fall ends."""

    end_share: float = option(
        0.0, minimum=0, maximum=1, metavar="SHARE", help="Where the fall ends, as a share of the learning rate."
    )


@dataclass(frozen=True, kw_only=True)
class PolynomialOptions(EndOptions):
    """The warm-up, the end, and the power."""

    power: float = option(1.0, above=0, help="Power of the fall; 1 is a straight line.")


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


class InverseSquareRoot:
    """Rise linearly over the warm-up, then fall with the root of the step (Vaswani et al. 2017, section 5.3).

    The factor is 1 where the warm-up ends; without warm-up, at the first step.
    """

    def __init__(self, options: WarmupOptions, total: int) -> None:
        self._warmup = max(1, options.steps(total))

    def __call__(self, step: int) -> float:
        """The factor for a step, counted from 0."""
        return min((step + 1) / self._warmup, math.sqrt(self._warmup / (step + 1)))


class Cosine:
    """Rise linearly over the warm-up, then fall along half a cosine, to reach the end just after the last step."""

    def __init__(self, options: EndOptions, total: int) -> None:
        self._fall = Linear(options, total)
        self._warmup = options.steps(total)
        self._end = options.end_share

    def __call__(self, step: int) -> float:
        """The factor for a step, counted from 0."""
        left = self._fall(step)
        if step < self._warmup:
            return left
        return self._end + (1 - self._end) * (1 - math.cos(math.pi * left)) / 2


class Polynomial:
    """Rise linearly over the warm-up, then fall as a power of what is left, to the end just after the last step."""

    def __init__(self, options: PolynomialOptions, total: int) -> None:
        self._fall = Linear(options, total)
        self._warmup = options.steps(total)
        self._end = options.end_share
        self._power = options.power

    def __call__(self, step: int) -> float:
        """The factor for a step, counted from 0."""
        left = self._fall(step)
        if step < self._warmup:
            return left
        return float(self._end + (1 - self._end) * left**self._power)


class PolynomialJump:
    """As Google's optimization.py and the reference's BertLearningRate have it.

    The first step has the rate 0 and changes nothing. The fall is reckoned from step 0, so that where the warm-up
    ends the factor jumps from 1 - 1 / warm-up to (1 - warm-up / total) ** power.
    """

    def __init__(self, options: PolynomialOptions, total: int) -> None:
        self._warmup = options.steps(total)
        self._total = total
        self._end = options.end_share
        self._power = options.power

    def __call__(self, step: int) -> float:
        """The factor for a step, counted from 0."""
        if step < self._warmup:
            return step / self._warmup
        left = 1 - min(step, self._total) / max(1, self._total)
        return float(self._end + (1 - self._end) * left**self._power)
