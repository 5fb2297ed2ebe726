"""The operators in C: their numbers at every size, with any threads, and where a run's graph puts them."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from bertrun_optimizers.compiled import library
from bertrun_optimizers.fused import FusedAdamW
from bertrun_optimizers.options import AdamWOptions
from mindspore import Parameter, Tensor, nn, ops
from numpy.typing import NDArray

from bert_core import ParameterGroup
from bert_core.protocols import ClippingOptimizer
from bert_core.training.step import Outcome, Stepper

Array = NDArray[np.float32]

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")

DEFAULT = AdamWOptions()
# Around the width of vectors, and of a block (32768).
SIZES = [1, 7, 8, 9, 4097, 32767, 32768, 32769, 100_003]


def drawn(seed: int, sizes: Sequence[int] = SIZES) -> list[Array]:
    generator = np.random.default_rng(seed)
    return [(generator.standard_normal(size) * 10 ** generator.uniform(-6, 2)).astype(np.float32) for size in sizes]


class Clipped(nn.Cell):
    """Measures and updates, with reads of the first parameter before and after."""

    def __init__(self, optimizer: FusedAdamW) -> None:
        super().__init__()
        self.optimizer = optimizer
        self.first = optimizer.parameters[0]

    def construct(self, factor: Any, rate: Any, number: Any, *gradients: Any) -> Any:
        squares, norm = self.optimizer.lengths(gradients)
        before = self.first * 1.0
        done = self.optimizer.clipped(gradients, factor, rate, number)
        return squares, norm, before, ops.depend(self.first, done) * 1.0


class Rig:
    """AdamW over a decayed group, an empty one, and one with another rate."""

    def __init__(self, *, threads: int = 2, options: AdamWOptions = DEFAULT, sizes: Sequence[int] = SIZES) -> None:
        self.parameters = [Parameter(Tensor(a), name=f"p{i}") for i, a in enumerate(drawn(0, sizes))]
        groups = [
            ParameterGroup(parameters=self.parameters[:4], weight_decay=0.1),
            ParameterGroup(parameters=[], weight_decay=0.5),
            ParameterGroup(parameters=self.parameters[4:], weight_decay=0.02, rate=3.0),
        ]
        self.settings = [(0.1, 1.0) if i < 4 else (0.02, 3.0) for i in range(len(sizes))]
        self.optimizer = FusedAdamW(options, groups, library(), threads)
        self.cell = Clipped(self.optimizer)

    def step(self, gradients: Sequence[Array], *, factor: float = 1.0, number: int = 1) -> list[Array]:
        scalars = [Tensor(np.float32(value)) for value in (factor, 1e-2, number)]
        return [found.asnumpy().copy() for found in self.cell(*scalars, *map(Tensor, gradients))]

    def state(self) -> list[Array]:
        return [p.asnumpy().copy() for p in (*self.parameters, *self.optimizer.first, *self.optimizer.second)]


@pytest.mark.parametrize("factor", [1.0, 0.3])
@pytest.mark.parametrize("options", [AdamWOptions(), AdamWOptions(bias_correction=False, epsilon=1e-6)])
def test_every_element_of_every_size_is_updated_once_by_the_clipped_gradient(
    factor: float, options: AdamWOptions
) -> None:
    rig = Rig(options=options)
    values = [a.astype(np.float64) for a in drawn(0)]
    firsts, seconds = ([np.zeros_like(a) for a in values] for _ in range(2))
    beta1, beta2 = (float(np.float32(beta)) for beta in (options.beta1, options.beta2))
    for number in (1, 2, 3):
        given = drawn(number)
        rig.step(given, factor=factor, number=number)
        for i, (decay, multiple) in enumerate(rig.settings):
            gradient = given[i].astype(np.float64) * np.float32(factor)
            firsts[i] = beta1 * firsts[i] + (1 - beta1) * gradient
            seconds[i] = beta2 * seconds[i] + (1 - beta2) * gradient**2
            first, second = firsts[i], seconds[i]
            if options.bias_correction:
                first, second = first / (1 - beta1**number), second / (1 - beta2**number)
            values[i] -= 1e-2 * multiple * (first / (np.sqrt(second) + options.epsilon) + decay * values[i])
        for wanted, found in zip([*values, *firsts, *seconds], rig.state(), strict=True):
            np.testing.assert_allclose(found, wanted, rtol=2e-6, atol=2e-6 * np.abs(wanted).max())


def test_lengths_are_numpys() -> None:
    given = drawn(1)
    squares, norm, *_ = Rig().step(given)
    wanted = [(a.astype(np.float64) ** 2).sum() for a in given]
    np.testing.assert_allclose(2 * squares, wanted, rtol=2e-7)
    assert norm == pytest.approx(np.sqrt(sum(wanted)), rel=2e-7)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e25])
@pytest.mark.parametrize("place", [0, 8, 4096])
def test_a_norm_is_not_finite_where_a_gradient_is_not(value: float, place: int) -> None:
    given = [np.ones(4097, np.float32), np.ones(9, np.float32)]
    given[0][place] = value
    squares, norm, *_ = Rig(sizes=[4097, 9]).step(given)
    assert not np.isfinite(norm)
    assert np.isfinite(squares).tolist() == [False, True]


def test_the_number_of_threads_changes_no_byte() -> None:
    rigs = [Rig(threads=threads) for threads in (1, 2, 7, 100)]
    for number in (1, 2):
        found = [[*rig.step(drawn(number), factor=0.7, number=number), *rig.state()] for rig in rigs]
        for other in found[1:]:
            assert [a.tobytes() for a in other] == [a.tobytes() for a in found[0]]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="other processors take no longer")
def test_moments_that_fade_below_the_least_normal_number_become_zero() -> None:
    rig = Rig(sizes=[40, 3])
    rig.optimizer.first[0].set_data(Tensor(np.full(40, 1e-39, np.float32)))
    rig.step([np.zeros(40, np.float32), np.ones(3, np.float32)])
    assert not rig.optimizer.first[0].asnumpy().any()
    assert np.float32(1e-39) * np.float32(0.5) > 0  # this thread computes as before


def test_reads_before_and_after_the_update_see_what_they_should() -> None:
    rig = Rig(sizes=[5, 3])
    for number in (1, 2, 3):
        was = rig.parameters[0].asnumpy().copy()
        _, _, before, after = rig.step(drawn(number, [5, 3]), number=number)
        np.testing.assert_array_equal(before, was)
        np.testing.assert_array_equal(after, rig.parameters[0].asnumpy())
        assert (before != after).all()


class Loss(nn.Cell):
    """A loss whose gradient loses its shape in the compiler, as the width is not said where rows are joined."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = Parameter(Tensor(np.full((3, 2), 0.5, np.float32)), name="weight")
        self.bias = Parameter(Tensor(np.zeros(2, np.float32)), name="bias")

    def construct(self, totals: Any, x: Any) -> Any:
        rows, length, _ = x.shape
        found = ops.matmul(x.reshape((rows * length, -1)), self.weight) + self.bias
        return (found * found).sum() / totals[0]


class Whole:
    """A stepper with the operators in C."""

    def __init__(self, *, scaled: bool) -> None:
        objective = Loss()
        self.parameters = [objective.weight, objective.bias]
        self.optimizer = FusedAdamW(
            AdamWOptions(), [ParameterGroup(parameters=self.parameters, weight_decay=0.0)], library(), 2
        )
        self.stepper = Stepper(objective, self.parameters, self.optimizer, clip_norm=0.5, accumulate=1, scaled=scaled)

    def __call__(self, x: Array, *, number: int) -> Outcome:
        totals = np.array([x[..., 0].size], np.float32)
        return self.stepper([[Tensor(totals), Tensor(x)]], rate=1e-2, number=number)

    def state(self) -> list[Array]:
        return [p.asnumpy().copy() for p in self.optimizer.get_parameters()]


@pytest.fixture(scope="module")
def split() -> Whole:
    return Whole(scaled=True)


def test_it_clips_itself(split: Whole) -> None:
    assert isinstance(split.optimizer, ClippingOptimizer)


def test_both_forms_of_a_step_make_the_update_of_the_clipped_gradient(split: Whole) -> None:
    for number, length in ((1, 4), (2, 9)):
        x = np.random.default_rng(number).standard_normal((2, length, 3)).astype(np.float32)
        weight, bias = (p.asnumpy().astype(np.float64) for p in split.parameters)
        first = split.optimizer.first[0].asnumpy().astype(np.float64)
        rows = x.reshape(-1, 3)
        found = rows @ weight + bias
        gradient, other = 2 * rows.T @ found / len(rows), 2 * found.sum(0) / len(rows)
        norm = np.sqrt((gradient**2).sum() + (other**2).sum())
        assert norm > 0.5
        assert split(x, number=number).norm == pytest.approx(norm, rel=1e-6)
        moment = 0.9 * first + 0.1 * gradient * 0.5 / norm
        np.testing.assert_allclose(split.optimizer.first[0].asnumpy(), moment, rtol=1e-5)
    whole = Whole(scaled=False)
    for number, length in ((1, 4), (2, 9)):
        whole(np.random.default_rng(number).standard_normal((2, length, 3)).astype(np.float32), number=number)
    for one, two in zip(whole.state(), split.state(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-6)


def test_a_gradient_that_is_not_finite_leaves_the_split_form_as_it_was(split: Whole) -> None:
    before = split.state()
    outcome = split(np.full((2, 4, 3), np.nan, np.float32), number=3)
    assert not outcome.applied
    for now, was in zip(split.state(), before, strict=True):
        np.testing.assert_array_equal(now, was)
