"""The schedules beside their formulas."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from bertrun_optimizers.schedules import Constant, Linear, WarmupOptions
from hypothesis import given
from hypothesis import strategies as st

WARMUPS = st.one_of(st.floats(0, 0.999), st.integers(1, 300).map(float))
TOTALS = st.integers(1, 200)


def factors(kind: type[Linear] | type[Constant], warmup: float, total: int) -> list[float]:
    schedule = kind(WarmupOptions(warmup=warmup), total)
    return [schedule(step) for step in range(total)]


@pytest.mark.parametrize(
    ("warmup", "total", "steps"),
    [(0, 10, 0), (0.1, 10, 1), (0.1, 100, 10), (0.25, 10, 2), (0.999, 10, 9), (1, 10, 1), (4, 10, 4), (40, 10, 40)],
)
def test_a_warmup_below_one_is_a_share_and_else_a_number_of_steps(warmup: float, total: int, steps: int) -> None:
    assert WarmupOptions(warmup=warmup).steps(total) == steps


def test_linear_rises_and_falls() -> None:
    assert factors(Linear, 2, 6) == [1 / 2, 1, 1, 3 / 4, 2 / 4, 1 / 4]
    assert factors(Linear, 0, 4) == [1, 3 / 4, 2 / 4, 1 / 4]
    assert factors(Linear, 3, 3) == [1 / 3, 2 / 3, 1]
    assert factors(Linear, 6, 3) == [1 / 6, 2 / 6, 3 / 6]
    assert factors(Linear, 1, 1) == [1]


def test_constant_rises_and_stays() -> None:
    assert factors(Constant, 2, 5) == [1 / 2, 1, 1, 1, 1]
    assert factors(Constant, 0, 3) == [1, 1, 1]
    assert factors(Constant, 6, 3) == [1 / 6, 2 / 6, 3 / 6]


@given(WARMUPS, TOTALS)
def test_linear_is_its_formula(warmup: float, total: int) -> None:
    rise = WarmupOptions(warmup=warmup).steps(total)
    for step, factor in enumerate(factors(Linear, warmup, total)):
        wanted = Fraction(step + 1, rise) if step < rise else Fraction(total - step, total - rise)
        assert factor == pytest.approx(float(wanted), rel=1e-12)


@given(WARMUPS, TOTALS)
def test_constant_is_its_formula(warmup: float, total: int) -> None:
    rise = WarmupOptions(warmup=warmup).steps(total)
    for step, factor in enumerate(factors(Constant, warmup, total)):
        assert factor == pytest.approx(min(1, (step + 1) / rise) if rise else 1, rel=1e-12)


@given(WARMUPS, TOTALS)
def test_linear_starts_above_zero_does_not_jump_and_ends_above_zero(warmup: float, total: int) -> None:
    values = factors(Linear, warmup, total)
    rise = WarmupOptions(warmup=warmup).steps(total)
    assert values[0] == pytest.approx(1 / max(1, rise))
    assert all(0 < value <= 1 for value in values)
    slope = max(1 / max(1, rise), 1 / max(1, total - rise))
    assert all(abs(after - before) <= slope + 1e-12 for before, after in pairwise(values))


@pytest.mark.parametrize("kind", [Linear, Constant])
def test_whoever_asks_beyond_the_end_gets_no_negative_rate(kind: type[Linear] | type[Constant]) -> None:
    schedule = kind(WarmupOptions(warmup=0.1), 10)
    assert schedule(10) >= 0
    assert schedule(1000) >= 0


@pytest.mark.parametrize("warmup", [0, 0.5, 0.999, 1, 2, 10_000])
def test_shares_and_whole_numbers_make_sense(warmup: float) -> None:
    assert list(WarmupOptions(warmup=warmup).problems()) == []


@pytest.mark.parametrize("warmup", [1.5, 2.25])
def test_other_numbers_do_not(warmup: float) -> None:
    (problem,) = WarmupOptions(warmup=warmup).problems()
    assert problem == f"--warmup {warmup} is neither a share below 1 nor a whole number of steps"
