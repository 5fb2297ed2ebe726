"""LAMB, momentum and plain descent beside their formulas in float64 NumPy and beside recorded trajectories."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bertrun_optimizers.lamb import Lamb
from bertrun_optimizers.momentum import GradientDescent, Momentum
from bertrun_optimizers.options import LambOptions, MomentumOptions
from mindspore import Parameter, Tensor, nn
from numpy.typing import NDArray

from bert_core import ParameterGroup

Array = NDArray[Any]
Settings = Sequence[tuple[float, float]]

HERE = Path(__file__).parent
SHAPES = [(), (1,), (7,), (64,), (5, 3), (33, 17), (2, 3, 4), (3, 3)]
SETTINGS = [(0, 1), (0, 1), (0, 3), (0.1, 1), (0.1, 1), (0, 0.5), (0.01, 2), (0.1, 1)]
STEPS = 30


def lamb(options: LambOptions, starts: Sequence[Array], settings: Settings, history: Sequence[Any]) -> list[Array]:
    """The parameters after the updates of a history of gradients, rates and numbers."""
    values = [start.astype(np.float64) for start in starts]
    first, second = ([np.zeros_like(value) for value in values] for _ in range(2))
    for gradients, rate, number in history:
        for i, (decay, multiple) in enumerate(settings):
            gradient = gradients[i].astype(np.float64)
            first[i] = options.beta1 * first[i] + (1 - options.beta1) * gradient
            second[i] = options.beta2 * second[i] + (1 - options.beta2) * gradient**2
            a, b = first[i], second[i]
            if options.bias_correction:
                a, b = a / (1 - options.beta1**number), b / (1 - options.beta2**number)
            update = a / (np.sqrt(b) + options.epsilon) + decay * values[i]
            ratio = 1.0
            if values[i].ndim > 1 or options.adapt_vectors:
                bounds = options.least_norm, np.inf if options.greatest_norm is None else options.greatest_norm
                norm, length = np.clip(np.sqrt(np.sum(values[i] ** 2)), *bounds), np.sqrt(np.sum(update**2))
                ratio = norm / length if norm > 0 and length > 0 else 1.0
            values[i] = values[i] - rate * multiple * ratio * update
    return values


def descent(momentum: float, starts: Sequence[Array], settings: Settings, history: Sequence[Any]) -> list[Array]:
    values = [start.astype(np.float64) for start in starts]
    velocity = [np.zeros_like(value) for value in values]
    for gradients, rate, _ in history:
        for i, (decay, multiple) in enumerate(settings):
            velocity[i] = momentum * velocity[i] + gradients[i]
            values[i] = values[i] - rate * multiple * (velocity[i] + decay * values[i])
    return values


class Row(nn.Cell):
    """An optimizer whose gradients come in a row, so that they are inputs of the graph, compiled once."""

    def __init__(self, optimizer: Any) -> None:
        super().__init__()
        self.optimizer = optimizer

    def construct(self, rate: Any, number: Any, *gradients: Any) -> Any:
        return self.optimizer(gradients, rate, number)


def groups_of(starts: Sequence[Array], settings: Settings) -> list[ParameterGroup]:
    parameters = [Parameter(Tensor(value), name=f"p{index}") for index, value in enumerate(starts)]
    return [
        ParameterGroup(parameters=[parameter], weight_decay=decay, rate=rate)
        for parameter, (decay, rate) in zip(parameters, settings, strict=True)
    ]


def ends(row: Row, history: Sequence[Any]) -> list[Array]:
    for gradients, rate, number in history:
        row(Tensor(np.float32(rate)), Tensor(np.float32(number)), *map(Tensor, gradients))
    return [parameter.asnumpy().copy() for parameter in row.optimizer.parameters]


def starts() -> list[Array]:
    """The last is zero, as new tensors may be."""
    drawn = [np.asarray(np.random.default_rng(len(shape)).standard_normal(shape), np.float32) for shape in SHAPES]
    return [*drawn[:-1], np.zeros_like(drawn[-1])]


def past() -> list[tuple[list[Array], float, int]]:
    """Gradients of very different sizes, some of them zero, and a rate that rises and stays."""
    generator = np.random.default_rng(5)

    def gradient(shape: tuple[int, ...]) -> Array:
        drawn = generator.standard_normal(shape) * 10.0 ** generator.uniform(-4, 1, shape)
        return np.asarray(drawn * (generator.random(shape) > 0.1), np.float32)

    return [([gradient(shape) for shape in SHAPES], 1e-2 * min(1, n / 5), n) for n in range(1, STEPS + 1)]


def close(found: Sequence[Array], wanted: Sequence[Array], tolerance: float) -> None:
    for mine, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=tolerance * max(np.abs(theirs).max(), 1e-3))


@pytest.mark.parametrize(
    "options",
    [
        LambOptions(),
        LambOptions(bias_correction=False, epsilon=1e-6),
        LambOptions(adapt_vectors=True, beta1=0.99),
        LambOptions(least_norm=0.5, greatest_norm=2.0, beta1=0.86, beta2=0.98),
        LambOptions(beta1=0.0, epsilon=0.1),
    ],
    ids=["default", "uncorrected", "vectors too", "bounded norms", "no first moment"],
)
def test_lamb_is_its_formula(options: LambOptions) -> None:
    found = ends(Row(Lamb(options, groups_of(starts(), SETTINGS))), past())
    # Without correction nothing makes good that 1 - beta is that of the float32 next to it: 6e-6 of each update.
    close(found, lamb(options, starts(), SETTINGS, past()), 1e-5 if options.bias_correction else 4e-5)


def test_a_tensor_that_gets_no_update_stays() -> None:
    start = [np.full((3, 2), 0.5, np.float32), np.zeros((2, 2), np.float32)]
    history = [([np.zeros_like(value) for value in start], 1e-2, 1)]
    for mine, theirs in zip(
        ends(Row(Lamb(LambOptions(), groups_of(start, [(0, 1)] * 2))), history), start, strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("momentum", [0.9, 0.0, 0.5])
def test_momentum_is_its_formula(momentum: float) -> None:
    row = Row(Momentum(MomentumOptions(momentum=momentum), groups_of(starts(), SETTINGS)))
    close(ends(row, past()), descent(momentum, starts(), SETTINGS, past()), 2e-6)


def test_plain_descent_is_its_formula() -> None:
    row = Row(GradientDescent(groups_of(starts(), SETTINGS)))
    close(ends(row, past()), descent(0.0, starts(), SETTINGS, past()), 2e-6)


def follows(row: Row, arrays: dict[str, Array], case: str, names: Sequence[str], rate: float, tolerance: float) -> None:
    total, done = len(arrays[f"gradients/{names[0]}"]), 0
    history = [([arrays[f"gradients/{name}"][n] for name in names], rate, n + 1) for n in range(total)]
    for kept in arrays["kept"]:
        found = ends(row, history[done:kept])
        close(found, [arrays[f"{case}/{kept}/{name}"] for name in names], tolerance)
        done = int(kept)


@pytest.mark.parametrize(
    ("case", "options"),
    [
        ("default", LambOptions(epsilon=1e-6)),
        ("uncorrected", LambOptions(epsilon=1e-6, bias_correction=False)),
        ("adapted", LambOptions(epsilon=1e-6, adapt_vectors=True)),
    ],
)
def test_the_trajectory_is_timms_lamb(case: str, options: LambOptions) -> None:
    with np.load(HERE / "timm_lamb" / "trajectory.npz") as stored:
        arrays = dict(stored)
    names = ["matrix", "vector", "fast", "zero"]
    groups = groups_of([arrays[f"start/{name}"] for name in names], [(0.1, 1), (0.0, 1), (0.01, 5), (0.01, 1)])
    follows(Row(Lamb(options, groups)), arrays, case, names, 1e-2, 1e-5)


@pytest.mark.parametrize("case", ["momentum", "plain"])
def test_the_trajectory_is_torchs_sgd(case: str) -> None:
    with np.load(HERE / "torch_sgd" / "trajectory.npz") as stored:
        arrays = dict(stored)
    names = ["matrix", "vector", "fast"]
    groups = groups_of([arrays[f"start/{name}"] for name in names], [(0.0, 1), (0.0, 1), (0.0, 5)])
    optimizer = Momentum(MomentumOptions(), groups) if case == "momentum" else GradientDescent(groups)
    follows(Row(optimizer), arrays, case, names, 1e-2, 2e-6)


@pytest.mark.parametrize("kind", ["lamb", "momentum", "sgd"])
def test_what_it_remembers_has_names_of_its_own(kind: str) -> None:
    groups = groups_of(starts(), SETTINGS)
    made = {
        "lamb": (lambda: Lamb(LambOptions(), groups), {"first_moment", "second_moment"}),
        "momentum": (lambda: Momentum(MomentumOptions(), groups), {"velocity"}),
        "sgd": (lambda: GradientDescent(groups), set()),
    }
    build, wanted = made[kind]
    names = [parameter.name for parameter in build().get_parameters()]
    assert len(set(names)) == len(names)
    assert {name.split(".")[0] for name in names if "." in name} == wanted


def test_bounds_that_cross_are_a_problem() -> None:
    (problem,) = LambOptions(least_norm=2.0, greatest_norm=1.0).problems()
    assert problem == "--greatest-norm 1.0 is less than --least-norm 2.0"
    assert list(LambOptions(greatest_norm=10.0).problems()) == []
