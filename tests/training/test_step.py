"""Updates beside NumPy: one batch or several, clipped or not, of any length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from mindspore import Parameter, ParameterTuple, Tensor, nn, ops
from numpy.typing import NDArray

from bert_core.protocols import ClippingOptimizer
from bert_core.training.step import Outcome, Stepper

Array = NDArray[Any]
Batch = tuple[Array, Array, Array]

WEIGHT = np.array([[0.5, -1.0], [0.25, 2.0], [-0.75, 0.5]], np.float32)
BIAS = np.array([0.1, -0.2], np.float32)


class Regression(nn.Cell):
    """The squared error of a linear map, over the pieces of all micro-batches."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = Parameter(Tensor(WEIGHT), name="weight")
        self.bias = Parameter(Tensor(BIAS), name="bias")

    def construct(self, totals: Any, x: Any, y: Any, mask: Any) -> Any:
        difference = (ops.matmul(x, self.weight) + self.bias - y) * mask.expand_dims(-1)
        return (difference * difference).sum() / totals[0]


class Descent(nn.Cell):
    """Plain gradient descent that keeps the number of its last update."""

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        super().__init__()
        self.parameters = ParameterTuple(parameters)
        self.number = Parameter(Tensor(np.zeros((), np.float32)), name="number")

    def construct(self, gradients: Any, rate: Any, number: Any) -> Any:
        done = ops.assign(self.number, number)
        for index in range(len(self.parameters)):
            moved = self.parameters[index] - rate * gradients[index]
            done = ops.depend(done, ops.assign(self.parameters[index], moved))
        return done


class ClippingDescent(Descent):
    """The same, which measures gradients and takes the factor of clipping itself, and keeps it."""

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        super().__init__(parameters)
        self.factor = Parameter(Tensor(np.zeros((), np.float32)), name="factor")

    def lengths(self, gradients: Any) -> Any:
        squares = ops.stack([(gradient * gradient).sum() / 2 for gradient in gradients])
        return squares, ops.sqrt(2 * squares.sum())

    def clipped(self, gradients: Any, factor: Any, rate: Any, number: Any) -> Any:
        done = ops.assign(self.factor, factor)
        return ops.depend(self.construct(gradients, rate * factor, number), done)


class Rig:
    """A stepper and its parameters."""

    def __init__(
        self, *, accumulate: int = 1, clip_norm: float = 0.0, scaled: bool = False, kind: type[Descent] = Descent
    ) -> None:
        objective = Regression()
        self.parameters = [objective.weight, objective.bias]
        self.descent = kind(self.parameters)
        how = {"clip_norm": clip_norm, "accumulate": accumulate, "scaled": scaled}
        self.stepper = Stepper(objective, self.parameters, self.descent, **how)

    def outcome(self, batches: Sequence[Batch], *, rate: float = 0.1, number: int = 1, scale: float = 1.0) -> Outcome:
        totals = np.array([sum(mask.sum() for _, _, mask in batches)], np.float32)
        tensors = [[Tensor(a) for a in (totals, *batch)] for batch in batches]
        return self.stepper(tensors, rate=rate, number=number, scale=scale)

    def step(self, batches: Sequence[Batch], *, rate: float = 0.1, number: int = 1) -> tuple[float, float]:
        outcome = self.outcome(batches, rate=rate, number=number)
        return outcome.loss, outcome.norm

    @property
    def values(self) -> list[Array]:
        return [parameter.asnumpy().copy() for parameter in self.parameters]  # asnumpy shares the memory


def batch(seed: int, rows: int, length: int) -> Batch:
    """Rows of differing lengths."""
    generator = np.random.default_rng(seed)
    lengths = generator.integers(1, length + 1, rows)
    lengths[0] = length
    mask = (np.arange(length)[None] < lengths[:, None]).astype(np.float32)
    x, y = generator.standard_normal((rows, length, 3)), generator.standard_normal((rows, length, 2))
    return x.astype(np.float32), y.astype(np.float32), mask


def pieces(batches: Sequence[Batch]) -> tuple[Array, Array]:
    """What is not padding, of all micro-batches, in float64."""
    kept = [(x[mask > 0], y[mask > 0]) for x, y, mask in batches]
    x, y = (np.concatenate(arrays).astype(np.float64) for arrays in zip(*kept, strict=True))
    return x, y


def expected(
    batches: Sequence[Batch], values: Sequence[Array], *, rate: float = 0.1, clip_norm: float = 0.0
) -> tuple[float, float, list[Array]]:
    """Loss, norm and parameters after one update, from all pieces at once."""
    x, y = pieces(batches)
    weight, bias = (value.astype(np.float64) for value in values)
    difference = x @ weight + bias - y
    gradients = [2 * x.T @ difference / len(x), 2 * difference.sum(0) / len(x)]
    norm = float(np.sqrt(sum((gradient**2).sum() for gradient in gradients)))
    factor = min(1.0, clip_norm / norm) if clip_norm else 1.0
    moved = [value - rate * factor * gradient for value, gradient in zip((weight, bias), gradients, strict=True)]
    return float((difference**2).sum() / len(x)), norm, moved


def check(rig: Rig, batches: Sequence[Batch], *, clip_norm: float = 0.0, number: int = 1) -> None:
    loss, norm, values = expected(batches, rig.values, clip_norm=clip_norm)
    found = rig.step(batches, number=number)
    assert found == pytest.approx((loss, norm), rel=1e-6)
    for value, wanted in zip(rig.values, values, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=0, atol=1e-6)


@pytest.fixture(scope="module")
def whole() -> Rig:
    return Rig()


@pytest.fixture(scope="module")
def halves() -> Rig:
    return Rig(accumulate=2)


class TestOneBatch:
    def test_an_update_is_numpys(self, whole: Rig) -> None:
        check(whole, [batch(0, 4, 5)])

    def test_every_length_and_size_goes_through_one_compilation(self, whole: Rig) -> None:
        for seed, (rows, length) in enumerate([(4, 5), (4, 9), (1, 1), (7, 3)]):
            check(whole, [batch(seed, rows, length)])
        assert len(whole.stepper._whole.compile_cache) == 1  # type: ignore[union-attr]

    def test_the_optimizer_is_told_the_updates_number(self, whole: Rig) -> None:
        whole.step([batch(0, 4, 5)], number=41)
        assert whole.descent.number.asnumpy() == 41

    def test_a_rate_of_zero_moves_nothing(self, whole: Rig) -> None:
        before = whole.values
        whole.step([batch(0, 4, 5)], rate=0.0)
        for value, was in zip(whole.values, before, strict=True):
            np.testing.assert_array_equal(value, was)


class TestMicroBatches:
    def test_micro_batches_of_other_sizes_make_the_update_of_all_pieces_together(self, halves: Rig) -> None:
        batches = [batch(1, 2, 3), batch(2, 5, 11)]
        counts = [mask.sum() for _, _, mask in batches]
        assert counts[1] > 3 * counts[0]
        check(halves, batches)

    def test_what_was_added_up_is_forgotten_after_the_update(self, halves: Rig) -> None:
        for number in range(1, 4):
            check(halves, [batch(number, 3, 4), batch(number + 9, 2, 6)], number=number)
            assert halves.descent.number.asnumpy() == number

    def test_an_epochs_last_update_may_have_fewer_micro_batches(self, halves: Rig) -> None:
        check(halves, [batch(3, 1, 4)])
        check(halves, [batch(4, 2, 4), batch(5, 1, 2)])

    def test_both_ways_give_the_same_parameters(self) -> None:
        one, two = Rig(clip_norm=0.7), Rig(accumulate=2, clip_norm=0.7)
        for seed in range(3):
            x, y, mask = batch(seed, 5, 6)
            first = one.step([(x, y, mask)])
            second = two.step([(x[:3], y[:3], mask[:3]), (x[3:], y[3:], mask[3:])])
            assert second == pytest.approx(first, rel=1e-6)
        for value, other in zip(one.values, two.values, strict=True):
            np.testing.assert_allclose(other, value, rtol=0, atol=1e-6)

    def test_micro_batches_go_through_one_compilation(self, halves: Rig) -> None:
        check(halves, [batch(6, 2, 8), batch(7, 3, 1)])
        assert len(halves.stepper._part.compile_cache) == 1
        assert len(halves.stepper._final.compile_cache) == 1


class TestClipping:
    @pytest.mark.parametrize("accumulate", [1, 2])
    @pytest.mark.parametrize("clip_norm", [0.5, 1e4])
    def test_by_the_norm_over_all_parameters_and_micro_batches(self, accumulate: int, clip_norm: float) -> None:
        batches = [batch(8, 3, 4), batch(9, 2, 5)][:accumulate]
        rig = Rig(accumulate=accumulate, clip_norm=clip_norm)
        _, norm, _ = expected(batches, rig.values)
        assert 1 < norm < 1e4
        check(rig, batches, clip_norm=clip_norm)

    @pytest.mark.parametrize("accumulate", [1, 2])
    @pytest.mark.parametrize("clip_norm", [0.5, 1e4])
    def test_an_optimizer_may_measure_and_clip_itself(self, accumulate: int, clip_norm: float) -> None:
        batches = [batch(8, 3, 4), batch(9, 2, 5)][:accumulate]
        rig = Rig(accumulate=accumulate, clip_norm=clip_norm, kind=ClippingDescent)
        assert isinstance(rig.descent, ClippingOptimizer)
        _, norm, _ = expected(batches, rig.values)
        check(rig, batches, clip_norm=clip_norm)
        assert rig.descent.factor.asnumpy() == pytest.approx(min(1.0, clip_norm / norm), rel=1e-6)

    def test_one_that_clips_itself_is_left_alone_by_an_overflow_and_without_a_limit(self) -> None:
        rig = Rig(scaled=True, kind=ClippingDescent)
        before = rig.values
        assert not rig.outcome([batch(1, 4, 5)], scale=2.0**127, number=7).applied
        for value, was in zip(rig.values, before, strict=True):
            np.testing.assert_array_equal(value, was)
        check(rig, [batch(1, 4, 5)])
        check(Rig(kind=ClippingDescent), [batch(1, 4, 5)])

    def test_a_clipped_update_is_as_long_as_the_limit(self) -> None:
        rig = Rig(clip_norm=0.5)
        before = rig.values
        rig.step([batch(8, 3, 4)], rate=1.0)
        moved = [value - was for value, was in zip(rig.values, before, strict=True)]
        assert np.sqrt(sum((m.astype(np.float64) ** 2).sum() for m in moved)) == pytest.approx(0.5, rel=1e-5)

    def test_zero_does_not_clip(self, whole: Rig) -> None:
        x, y, mask = batch(8, 3, 4)
        far = (x, y * np.float32(1e3), mask)
        loss, norm, values = expected([far], whole.values)
        assert norm > 100
        assert whole.step([far]) == pytest.approx((loss, norm), rel=1e-5)
        for value, wanted in zip(whole.values, values, strict=True):
            np.testing.assert_allclose(value, wanted, rtol=1e-5)


@pytest.fixture(scope="module")
def scaled() -> Rig:
    return Rig(scaled=True, clip_norm=0.7)


class TestLossScale:
    @pytest.mark.parametrize("scale", [1.0, 2.0**16, 2.0**32])
    def test_an_update_is_that_without_a_scale(self, scaled: Rig, scale: float) -> None:
        loss, norm, values = expected([batch(1, 4, 5)], scaled.values, clip_norm=0.7)
        outcome = scaled.outcome([batch(1, 4, 5)], scale=scale)
        assert (outcome.loss, outcome.norm) == pytest.approx((loss, norm), rel=1e-6)
        assert outcome.applied
        for value, wanted in zip(scaled.values, values, strict=True):
            np.testing.assert_allclose(value, wanted, rtol=0, atol=1e-6)

    @pytest.mark.parametrize("accumulate", [1, 2])
    def test_a_step_that_overflows_changes_nothing(self, accumulate: int) -> None:
        rig = Rig(scaled=True, accumulate=accumulate)
        batches = [batch(1, 4, 5), batch(2, 3, 2)][:accumulate]
        before = rig.values
        outcome = rig.outcome(batches, scale=2.0**127, number=7)
        assert not outcome.applied
        assert not np.isfinite(outcome.norm)
        for value, was in zip(rig.values, before, strict=True):
            np.testing.assert_array_equal(value, was)
        assert rig.descent.number.asnumpy() == 0
        check(rig, batches)  # nothing of it is left in the sums

    def test_the_gradients_that_overflow_are_known_by_name(self) -> None:
        rig = Rig(scaled=True)
        x, y, mask = batch(1, 4, 5)
        outcome = rig.outcome([(x * np.float32(1e15), y, mask)])
        assert rig.stepper.names == ["bias", "weight"]
        assert np.isfinite(outcome.norms).tolist() == [True, False]


class Many(nn.Cell):
    """Half the sum of squares of as many parameters as a BERT-base has, and more, times the batch's first number."""

    def __init__(self) -> None:
        super().__init__()
        values = [Tensor(np.full(3, 0.01 * number, np.float32)) for number in range(220)]
        self.values = ParameterTuple([Parameter(value, name=f"p{n}") for n, value in enumerate(values)])
        self.each = ops.HyperMap()
        self.half_square = ops.L2Loss()
        self.total = ops.AddN()

    def construct(self, totals: Any, x: Any) -> Any:
        return self.total(self.each(self.half_square, self.values)) * x.reshape((-1,))[0] / totals[0]


class MappedDescent(nn.Cell):
    """Plain gradient descent, without a loop."""

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        super().__init__()
        self.parameters = ParameterTuple(parameters)
        self.each = ops.HyperMap()
        self.scale = ops.Mul()
        self.subtract = ops.AssignSub()

    def construct(self, gradients: Any, rate: Any, number: Any) -> Any:
        return self.each(self.subtract, self.parameters, self.each(ops.partial(self.scale, rate), gradients))


@pytest.mark.parametrize("accumulate", [1, 2])
def test_as_many_parameters_as_bert_has_compile(accumulate: int) -> None:
    objective = Many()
    parameters = list(objective.values)
    before = [parameter.asnumpy().copy() for parameter in parameters]
    stepper = Stepper(objective, parameters, MappedDescent(parameters), clip_norm=1.0, accumulate=accumulate)
    totals = np.array([accumulate], np.float32)
    outcome = stepper([[Tensor(totals), Tensor(np.ones((1, 1), np.float32))]] * accumulate, rate=0.5, number=1)
    loss, norm = outcome.loss, outcome.norm
    lengths = [np.sqrt((value**2).sum()) for value in reversed(before)]
    np.testing.assert_allclose(outcome.norms, lengths, rtol=1e-5)
    assert loss == pytest.approx(sum((value**2).sum() for value in before) / 2, rel=1e-5)
    assert norm == pytest.approx(np.sqrt(2 * loss), rel=1e-5)
    for parameter, value in zip(parameters, before, strict=True):
        np.testing.assert_allclose(parameter.asnumpy(), value * (1 - 0.5 / norm), rtol=1e-5, atol=1e-7)
