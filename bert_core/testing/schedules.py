"""What every schedule keeps, as tests that a plugin's own test module subclasses."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from bert_core.options import options_of
from bert_core.protocols import Schedule
from bert_core.types import ScheduleSpec

from .specs import SpecContract

TOTALS = (1, 2, 7, 100, 5000)
_BEYOND = 5  # steps that a run which goes on longer asks for
_SLACK = 1e-6


class ScheduleContract(SpecContract):
    """The tests that every schedule passes.

    Attributes:
        lowest_peak: The least that the greatest factor of a run of 100 steps or more may be.
        warmup: The option that says the steps of warm-up; where the schedule has none of that name, it is not tested.

    Example:
        ```python
        class TestHalving(ScheduleContract):
            name = "halving"
        ```
    """

    kind: ClassVar[str] = "schedule"
    lowest_peak: ClassVar[float] = 0.5
    warmup: ClassVar[str] = "warmup"

    @pytest.mark.parametrize("total", TOTALS)
    def test_every_factor_is_a_number_from_0(self, spec: ScheduleSpec, values: Any, total: int) -> None:
        """At each step, and at some beyond the end, the factor is finite and not negative."""
        schedule = spec.build(values, total)
        for step in [*range(total + _BEYOND), 100 * total]:
            factor = schedule(step)
            good = isinstance(factor, float | int) and math.isfinite(factor) and factor >= 0
            assert good, f"the factor of step {step} of {total} is {factor!r}; it must be a finite number from 0"

    @pytest.mark.parametrize("total", TOTALS)
    def test_the_learning_rate_is_the_highest(self, spec: ScheduleSpec, values: Any, total: int) -> None:
        """No factor is above 1, and in a run of some length one comes near it: users say the highest rate."""
        factors = _factors(spec.build(values, total), total)
        place = factors.index(max(factors))
        assert factors[place] <= 1 + _SLACK, f"the factor of step {place} of {total} is {factors[place]}, more than 1"
        if total >= 100:
            what = f"no factor of {total} steps is above {factors[place]}, so that no step has the rate that users say"
            assert factors[place] >= self.lowest_peak, f"{what}; set `lowest_peak` where that is meant"

    def test_warm_up_rises_from_near_0(self, spec: ScheduleSpec, values: Any) -> None:
        """Over the steps of warm-up factors never fall, and the first one is small."""
        if self.warmup not in {info.name for info in options_of(spec.options, self.name)}:
            pytest.skip(f"the schedule has no option `{self.warmup}`")
        steps = 10
        factors = _factors(spec.build(replace(values, **{self.warmup: steps}), 100), steps)
        falls = [step for step in range(1, steps) if factors[step] < factors[step - 1]]
        assert not falls, f"during a warm-up of {steps} steps the factor falls at step {falls[0]}: {factors}"
        said = f"a warm-up of {steps} steps goes from {factors[0]} to {factors[-1]}"
        assert factors[0] <= 2 / steps, f"{said}; it must begin at or near 0"
        assert factors[-1] > factors[0], f"{said}; it must rise"

    def test_a_run_that_goes_on_has_the_same_factors(self, spec: ScheduleSpec, values: Any) -> None:
        """A factor depends on the step alone: a run that is resumed asks a new schedule, from where it stopped."""
        total = 100
        straight = _factors(spec.build(values, total), total)
        for step in (99, 60, 61, 0, 7):
            again = spec.build(values, total)(step)
            what = f"step {step} has the factor {straight[step]} in a run from its start"
            assert again == straight[step], f"{what} and {again} in one that begins there; keep no state in a schedule"

    def test_the_whole_run_is_its_range(self, spec: ScheduleSpec, values: Any) -> None:
        """A schedule that falls does so over the run: half as many steps come to the same end, not to half of it."""
        ends = {total: _factors(spec.build(values, total), total)[-1] for total in (200, 400)}
        alike = math.isclose(ends[200], ends[400], rel_tol=0.5, abs_tol=0.02)
        assert alike, f"the last factor of 200 steps is {ends[200]}, and of 400 {ends[400]}; use `total_steps`"


def _factors(schedule: Schedule, total: int) -> list[float]:
    return [schedule(step) for step in range(total)]
