"""The schedules beside their formulas."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import pytest
from bertrun_optimizers.schedules import (
    Constant,
    Cosine,
    EndOptions,
    InverseSquareRoot,
    Linear,
    Polynomial,
    PolynomialJump,
    PolynomialOptions,
    WarmupOptions,
)
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


@pytest.mark.parametrize("warmup", [0, 0.5, 0.999, 1, 2, 10_000])
def test_shares_and_whole_numbers_make_sense(warmup: float) -> None:
    assert list(WarmupOptions(warmup=warmup).problems()) == []


@pytest.mark.parametrize("warmup", [1.5, 2.25])
def test_other_numbers_do_not(warmup: float) -> None:
    (problem,) = WarmupOptions(warmup=warmup).problems()
    assert problem == f"--warmup {warmup} is neither a share below 1 nor a whole number of steps"


POWERS = st.sampled_from([0.5, 1.0, 2.0, 5.0])
ENDS = st.floats(0, 1)


@given(WARMUPS, TOTALS, POWERS, ENDS)
def test_polynomial_is_its_formula_and_does_not_jump(warmup: float, total: int, power: float, end: float) -> None:
    options = PolynomialOptions(warmup=warmup, power=power, end_share=end)
    rise = options.steps(total)
    for step in range(total):
        fall = end + (1 - end) * ((total - step) / max(1, total - rise)) ** power
        assert Polynomial(options, total)(step) == pytest.approx((step + 1) / rise if step < rise else fall)
    assert rise >= total or Polynomial(options, total)(rise) == pytest.approx(1)
    assert rise > total or Polynomial(options, total)(total) == pytest.approx(end, abs=1e-12)


def test_polynomial_of_power_one_is_linear() -> None:
    polynomial, linear = (kind(PolynomialOptions(warmup=0.1), 50) for kind in (Polynomial, Linear))
    assert [polynomial(step) for step in range(60)] == pytest.approx([linear(step) for step in range(60)])


def test_the_jump_is_the_references() -> None:
    # Verified on the reference (inventory 2.4): peak 3e-4, 10,000 of 100,000 steps, power 2.
    schedule = PolynomialJump(PolynomialOptions(warmup=10_000, power=2.0), 100_000)
    assert schedule(0) == 0
    assert 3e-4 * schedule(9999) == pytest.approx(2.9997e-4)
    assert 3e-4 * schedule(10_000) == pytest.approx(2.43e-4)
    assert schedule(100_000) == schedule(200_000) == 0


@given(WARMUPS, TOTALS, POWERS, ENDS)
def test_the_jump_is_its_formula(warmup: float, total: int, power: float, end: float) -> None:
    options = PolynomialOptions(warmup=warmup, power=power, end_share=end)
    rise, peak = options.steps(total), 3e-4
    for step in range(total):
        decayed = (peak - peak * end) * (1 - min(step, total) / total) ** power + peak * end
        wanted = peak * min(step, rise) / rise if step < rise else decayed
        assert peak * PolynomialJump(options, total)(step) == pytest.approx(wanted)


@given(WARMUPS, TOTALS, ENDS)
def test_cosine_is_its_formula(warmup: float, total: int, end: float) -> None:
    options = EndOptions(warmup=warmup, end_share=end)
    rise = options.steps(total)
    for step in range(total):
        gone = (step - rise) / max(1, total - rise)
        wanted = (step + 1) / rise if step < rise else end + (1 - end) * (1 + math.cos(math.pi * gone)) / 2
        assert Cosine(options, total)(step) == pytest.approx(wanted)


@given(WARMUPS, TOTALS)
def test_inverse_square_root_is_its_formula(warmup: float, total: int) -> None:
    options = WarmupOptions(warmup=warmup)
    rise = max(1, options.steps(total))
    for step in range(total):
        number = step + 1  # Vaswani et al. count from 1: min(n^-0.5, n W^-1.5), here over its peak W^-0.5
        wanted = min(number**-0.5, number * rise**-1.5) / rise**-0.5
        assert InverseSquareRoot(options, total)(step) == pytest.approx(wanted)


@pytest.mark.parametrize("kind", [Cosine, InverseSquareRoot, Polynomial, PolynomialJump])
@pytest.mark.parametrize("warmup", [0, 0.1, 3, 10, 40])
def test_beyond_the_end_the_others_are_no_less_than_their_end(kind: type, warmup: float) -> None:
    schedule = kind(PolynomialOptions(warmup=warmup, end_share=0.25), 10)
    assert all(0 <= schedule(step) <= 1 for step in range(50))
    assert warmup == 40 or kind is InverseSquareRoot or schedule(1000) == pytest.approx(0.25)
