"""Dropout's factors: a pure function of seed, step, part and place, with the rate that was asked for."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bert_core.training.noise import dropout_factors
from bert_core.types import Noise

CALL: dict[str, Any] = {"rows": range(4), "length": 9, "seed": 7, "step": 3, "part": 1}


def place(rate: float, width: int = 8) -> Noise:
    return Noise(shape=lambda batch, length: (batch, length, width), rate=rate)


def factors(noises: list[Noise] | None = None, **changes: Any) -> list[NDArray[np.float32]]:
    return dropout_factors([place(0.5), place(0.5)] if noises is None else noises, **{**CALL, **changes})


class TestPure:
    def test_the_same_arguments_give_the_same_bits(self) -> None:
        for first, second in zip(factors(), factors(), strict=True):
            np.testing.assert_array_equal(first, second)

    def test_the_bits_are_those_of_every_release(self) -> None:
        """Else a run that is resumed after an upgrade is another run."""
        bits = b"".join(np.packbits(array > 0).tobytes() for array in factors())
        assert hashlib.sha256(bits).hexdigest()[:16] == "19d8d40512791206"

    @pytest.mark.parametrize("change", [{"seed": 8}, {"step": 4}, {"part": 0}, {"seed": 7 + 2**32}])
    def test_each_argument_gives_other_factors(self, change: dict[str, int]) -> None:
        for first, second in zip(factors(), factors(**change), strict=True):
            assert 0.3 < (first != second).mean() < 0.7

    def test_each_place_gives_other_factors(self) -> None:
        first, second = factors()
        assert 0.3 < (first != second).mean() < 0.7

    def test_arguments_do_not_stand_for_each_other(self) -> None:
        drawn = [
            factors(seed=seed, step=step, part=part)[where].tobytes()
            for seed in range(3)
            for step in range(3)
            for part in range(3)
            for where in range(2)
        ]
        assert len(set(drawn)) == len(drawn)

    def test_one_places_factors_do_not_depend_on_the_other_places(self) -> None:
        alone, _ = factors([place(0.5), place(0.1, width=3)])
        np.testing.assert_array_equal(alone, factors()[0])

    def test_numpys_own_random_state_is_neither_read_nor_moved(self) -> None:
        np.random.seed(1)
        before: Any = np.random.get_state()
        first = factors()
        after: Any = np.random.get_state()
        np.testing.assert_array_equal(before[1], after[1])
        np.random.seed(2)
        np.testing.assert_array_equal(first[0], factors()[0])


class TestValues:
    @pytest.mark.parametrize("rate", [0.01, 0.1, 0.5, 0.9])
    def test_the_share_of_zeros_is_the_rate_and_the_mean_is_one(self, rate: float) -> None:
        (values,) = factors([place(rate, width=64)], rows=range(64), length=101)
        count = values.size
        deviation = math.sqrt(rate * (1 - rate) / count)
        assert abs((values == 0).mean() - rate) < 4 * deviation + 2**-17
        assert abs(values.mean(dtype=np.float64) - 1) < 4 * deviation / (1 - rate)

    def test_there_are_two_values_and_their_mean_is_exactly_one(self) -> None:
        (values,) = factors([place(0.1, width=64)], rows=range(16), length=50)
        low, high = np.unique(values)
        assert low == 0
        # The rate is rounded to 1 / 65536, and the scale goes by the rounded one.
        assert high * (1 - round(0.1 * 65536) / 65536) == pytest.approx(1, rel=1e-7)

    def test_neighbours_along_every_axis_are_independent(self) -> None:
        (values,) = factors([place(0.5, width=64)], rows=range(64), length=64)
        dropped = values == 0
        for axis in range(3):
            for distance in (1, 2, 3, 4, 8):
                alike = (dropped == np.roll(dropped, distance, axis)).mean()
                assert abs(alike - 0.5) < 4 * 0.5 / math.sqrt(dropped.size)

    def test_without_a_rate_every_factor_is_one(self) -> None:
        assert (factors([place(0.0)])[0] == 1).all()

    @pytest.mark.parametrize("width", [1, 2, 3, 5])
    def test_shapes_of_any_size(self, width: int) -> None:
        (values,) = factors([place(0.3, width)], rows=[0], length=7)
        assert values.shape == (1, 7, width)
        assert values.dtype == np.float32

    def test_no_places_no_factors(self) -> None:
        assert factors([]) == []


class TestRows:
    def test_some_rows_get_what_they_get_among_all(self) -> None:
        places = [place(0.5), Noise(shape=lambda batch, length: (2, batch, length, length), rate=0.5, axis=1)]
        for noise, whole, part in zip(places, factors(places), factors(places, rows=range(1, 3)), strict=True):
            np.testing.assert_array_equal(part, np.take(whole, [1, 2], noise.axis))

    def test_a_row_may_be_several_places_of_its_axis(self) -> None:
        folded = [Noise(shape=lambda batch, length: (batch * length, 5), rate=0.5)]
        np.testing.assert_array_equal(factors(folded, rows=[3])[0], factors(folded)[0][-9:])
