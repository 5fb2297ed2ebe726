"""AdamW, both ways, beside its formula in float64 NumPy and beside PyTorch's recorded trajectory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bertrun_optimizers.adamw import AdamW
from bertrun_optimizers.fused import FusedAdamW, adamw
from bertrun_optimizers.moments import Moments
from bertrun_optimizers.options import AdamWOptions
from mindspore import Parameter, Tensor, nn
from numpy.typing import NDArray

from bert_core import ParameterGroup

Array = NDArray[Any]

TORCH = Path(__file__).parent / "torch_adamw" / "trajectory.npz"
SHAPES = [(), (1,), (7,), (64,), (5, 3), (33, 17), (2, 3, 4)]
STEPS = 50


class Reference:
    """AdamW as Loshchilov and Hutter's algorithm 2 has it, in float64."""

    def __init__(self, options: AdamWOptions, start: Sequence[Array], settings: Sequence[tuple[float, float]]) -> None:
        self.options = options
        self.values = [value.astype(np.float64) for value in start]
        self.settings = settings
        self.first = [np.zeros_like(value) for value in self.values]
        self.second = [np.zeros_like(value) for value in self.values]

    def step(self, gradients: Sequence[Array], rate: float, number: int) -> None:
        beta1, beta2 = self.options.beta1, self.options.beta2
        for i, (decay, multiple) in enumerate(self.settings):
            gradient = gradients[i].astype(np.float64)
            self.first[i] = beta1 * self.first[i] + (1 - beta1) * gradient
            self.second[i] = beta2 * self.second[i] + (1 - beta2) * gradient**2
            first, second = self.first[i], self.second[i]
            if self.options.bias_correction:
                first, second = first / (1 - beta1**number), second / (1 - beta2**number)
            moved = first / (np.sqrt(second) + self.options.epsilon)
            self.values[i] = self.values[i] - rate * multiple * (moved + decay * self.values[i])


class Row(nn.Cell):
    """An optimizer whose gradients come in a row, so that they are inputs of the graph, compiled once."""

    def __init__(self, optimizer: Moments) -> None:
        super().__init__()
        self.optimizer = optimizer

    def construct(self, rate: Any, number: Any, *gradients: Any) -> Any:
        return self.optimizer(gradients, rate, number)


class Rig:
    """The cell over groups of one parameter each."""

    fused = True

    def __init__(self, options: AdamWOptions, start: Sequence[Array], settings: Sequence[tuple[float, float]]) -> None:
        self.parameters = [Parameter(Tensor(value), name=f"p{index}") for index, value in enumerate(start)]
        groups = [
            ParameterGroup(parameters=[parameter], weight_decay=decay, rate=rate)
            for parameter, (decay, rate) in zip(self.parameters, settings, strict=True)
        ]
        self.cell = built(options, groups)
        self.row = Row(self.cell)

    def step(self, gradients: Sequence[Array], rate: float, number: int) -> None:
        self.row(Tensor(np.float32(rate)), Tensor(np.float32(number)), *map(Tensor, gradients))

    def values(self) -> list[Array]:
        return [parameter.asnumpy().copy() for parameter in self.parameters]


def built(options: AdamWOptions, groups: Sequence[ParameterGroup]) -> Moments:
    """The cell, by operators in C or by MindSpore's own."""
    cell = adamw(replace(options, fused=Rig.fused), groups)
    assert type(cell) is (FusedAdamW if Rig.fused else AdamW)
    return cell


@pytest.fixture(params=[True, False], ids=["fused", "MindSpore's"], autouse=True)
def way(request: pytest.FixtureRequest, has_compiler: bool) -> Iterator[None]:
    """Each test goes both ways."""
    if request.param and not has_compiler:
        pytest.skip("no C compiler")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rig, "fused", request.param)
        yield


def gradients(seed: int, shapes: Sequence[tuple[int, ...]] = SHAPES) -> list[Array]:
    """Of very different sizes, some of them zero."""
    generator = np.random.default_rng(seed)
    drawn = [generator.standard_normal(shape) * 10.0 ** generator.uniform(-4, 1, shape) for shape in shapes]
    return [np.asarray(value * (generator.random(value.shape) > 0.1), np.float32) for value in drawn]


def starts(shapes: Sequence[tuple[int, ...]] = SHAPES) -> list[Array]:
    return [np.asarray(np.random.default_rng(len(shape)).standard_normal(shape), np.float32) for shape in shapes]


def close(found: Array, wanted: Array, tolerance: float) -> None:
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * max(np.abs(wanted).max(), 1e-3))


@pytest.mark.parametrize(
    ("options", "tolerance"),
    [
        (AdamWOptions(), 1e-6),
        # Without correction nothing makes good that the kernel takes 1 - beta from float32: 6e-6 of each update.
        (AdamWOptions(bias_correction=False, epsilon=1e-6), 2e-5),
        (AdamWOptions(beta1=0.0), 1e-6),
        (AdamWOptions(beta2=0.9, epsilon=1e-3), 1e-6),
        (AdamWOptions(beta1=0.8, beta2=0.9999, epsilon=0.1), 1e-6),
    ],
    ids=["default", "google", "no first moment", "short second moment", "large epsilon"],
)
def test_fifty_updates_are_the_formulas(options: AdamWOptions, tolerance: float) -> None:
    settings = [(0.1 if len(shape) > 1 else 0.0, 1.0) for shape in SHAPES]
    rig, reference = Rig(options, starts(), settings), Reference(options, starts(), settings)
    for number in range(1, STEPS + 1):
        rate = 1e-2 * min(1, number / 5)
        rig.step(gradients(number), rate, number)
        reference.step(gradients(number), rate, number)
        if number in (1, 2, 10, STEPS):
            for found, wanted in zip(rig.values(), reference.values, strict=True):
                close(found, wanted, tolerance)
    for found, wanted in zip(rig.cell.first, reference.first, strict=True):
        close(found.asnumpy(), wanted, 1e-6)
    for found, wanted in zip(rig.cell.second, reference.second, strict=True):
        close(found.asnumpy(), wanted, 2e-4)


def test_each_groups_decay_and_rate_are_honoured() -> None:
    settings = [(0.0, 1.0), (0.5, 1.0), (0.0, 30.0), (0.5, 30.0), (0.02, 0.1), (0.0, 0.0)]
    shapes = [(3, 2)] * len(settings)
    start = [np.full(shape, 0.7, np.float32) for shape in shapes]
    gradient = gradients(1, [(3, 2)]) * len(settings)
    rig, reference = Rig(AdamWOptions(), start, settings), Reference(AdamWOptions(), start, settings)
    for number in range(1, 6):
        rig.step(gradient, 1e-2, number)
        reference.step(gradient, 1e-2, number)
    for found, wanted in zip(rig.values(), reference.values, strict=True):
        close(found, wanted, 3e-6)
    ends = [tuple(value.ravel()) for value in rig.values()]
    assert len(set(ends)) == len(settings)
    np.testing.assert_array_equal(rig.values()[-1], start[-1])


def test_every_parameter_of_every_group_moves_and_goes_with_its_own_gradient() -> None:
    parameters = [Parameter(Tensor(np.ones(shape, np.float32)), name=f"p{i}") for i, shape in enumerate(SHAPES)]
    groups = [
        ParameterGroup(parameters=parameters[:3], weight_decay=0.0),
        ParameterGroup(parameters=parameters[3:4], weight_decay=0.1),
        ParameterGroup(parameters=parameters[4:], weight_decay=0.1, rate=2.0),
    ]
    row = Row(built(AdamWOptions(weight_decay=0.0), groups))
    signs = [1, -1, 1, 1, -1, -1, 1]
    given = [Tensor(np.full(shape, sign, np.float32)) for shape, sign in zip(SHAPES, signs, strict=True)]
    row(Tensor(np.float32(1e-2)), Tensor(np.float32(1)), *given)
    for index, (parameter, sign) in enumerate(zip(parameters, signs, strict=True)):
        decay, multiple = (0.0, 1) if index < 3 else (0.1, 1) if index == 3 else (0.1, 2)
        wanted = 1 - 1e-2 * multiple * (sign + decay)  # a first update is the gradient's sign
        np.testing.assert_allclose(parameter.asnumpy(), wanted, rtol=1e-6)


def test_moments_are_parameters_of_the_cell_with_names_of_their_own() -> None:
    parameters = [Parameter(Tensor(value), name=f"p{index}") for index, value in enumerate(starts())]
    cell = built(AdamWOptions(), [ParameterGroup(parameters=parameters, weight_decay=0.0)])
    names = [parameter.name for parameter in cell.get_parameters()]
    assert len(set(names)) == len(names) == 3 * len(SHAPES)
    assert {name for name in names if not name.startswith("p")} == {
        f"{moment}.p{index}" for moment in ("first_moment", "second_moment") for index in range(len(SHAPES))
    }


def test_bias_correction_is_exact_at_the_first_and_at_late_updates() -> None:
    start = [np.zeros(3, np.float32)]
    for number in (1, 1000, 100_000):
        rig = Rig(AdamWOptions(beta2=0.99999), start, [(0.0, 1.0)])
        reference = Reference(AdamWOptions(beta2=0.99999), start, [(0.0, 1.0)])
        gradient = [np.array([1.0, -0.5, 1e-3], np.float32)]
        rig.step(gradient, 1.0, number)
        reference.step(gradient, 1.0, number)
        np.testing.assert_allclose(rig.values()[0], reference.values[0], rtol=2e-3)  # 1 - 0.99999 in float32


def test_the_trajectory_is_torchs() -> None:
    with np.load(TORCH) as arrays:
        recorded = dict(arrays)
    names = ["matrix", "vector", "fast"]
    settings = [(0.1, 1.0), (0.0, 1.0), (0.1, 50.0)]
    rig = Rig(AdamWOptions(), [recorded[f"start/{name}"] for name in names], settings)
    for number in range(1, STEPS + 1):
        rig.step([recorded[f"gradients/{name}"][number - 1] for name in names], 1e-3, number)
        if number in recorded["kept"]:
            for name, found in zip(names, rig.values(), strict=True):
                close(found, recorded[f"after/{number}/{name}"], 1e-6)


def test_it_is_a_cell_of_the_hosts_protocol() -> None:
    assert isinstance(Rig(AdamWOptions(), starts(), [(0.0, 1.0)] * len(SHAPES)).cell, nn.Cell)
