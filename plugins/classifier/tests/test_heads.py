"""The classifier and its losses against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bertrun_classifier.heads import DEVIATION, ClassLoss, PooledHead, SetLoss, SquareLoss
from mindspore import Tensor, nn
from numpy.typing import NDArray

Array = NDArray[Any]
pytestmark = pytest.mark.usefixtures("graph_mode")

LOGITS = np.array([[2.0, -1.0, 0.5], [0.0, 0.0, 0.0], [-80.0, 90.0, 3.0], [1.0, 1.5, -2.0]], np.float32)
LABELS = np.array([0, 2, 0, 1], np.int32)
WEIGHTS = np.array([1.0, 0.25, 2.0, 0.0], np.float32)
SETS = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 0], [0, 0, 1]], np.float32)


def value(cell: nn.Cell, *arrays: Array) -> float:
    return float(cell(*map(Tensor, arrays)).asnumpy())


def totals(number: float) -> Array:
    return np.array([number], np.float32)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_cross_entropy_is_that_of_its_definition(smoothing: float) -> None:
    logits = LOGITS.astype(np.float64)
    expected = 0.0
    for row, label, weight in zip(logits, LABELS, WEIGHTS, strict=True):
        logs = row - row.max() - np.log(np.exp(row - row.max()).sum())
        target = [(1 - smoothing) * (number == label) + smoothing / 3 for number in range(3)]
        expected -= weight * float(np.dot(logs, target))
    found = value(ClassLoss(3, smoothing), LOGITS, totals(5.0), LABELS, WEIGHTS)
    assert found == pytest.approx(expected / 5, rel=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_binary_cross_entropy_is_that_of_its_definition(smoothing: float) -> None:
    logits = LOGITS.astype(np.longdouble)
    target = SETS * (1 - smoothing) + smoothing / 2
    weights = np.where(SETS > 0, 3.0, 1.0).astype(np.float32)
    logs, others = -np.log1p(np.exp(-logits)), -np.log1p(np.exp(logits))
    expected = float(-(weights * (target * logs + (1 - target) * others)).sum() / 12)
    assert value(SetLoss(smoothing), LOGITS, totals(12.0), SETS, weights) == pytest.approx(expected, rel=1e-5)


def test_squared_error_is_that_of_its_definition() -> None:
    logits, numbers = LOGITS[:, :1], np.array([1.0, 0.5, -70.0, 5.0], np.float32)
    expected = float(((logits[:, 0] - numbers) ** 2).sum() / 4)
    assert value(SquareLoss(), logits, totals(4.0), numbers, np.ones(4, np.float32)) == pytest.approx(expected)


def test_two_parts_of_a_batch_have_the_loss_of_the_whole() -> None:
    cell = ClassLoss(3, 0.1)
    parts = sum(value(cell, LOGITS[s], totals(3.25), LABELS[s], WEIGHTS[s]) for s in (slice(0, 1), slice(1, 4)))
    assert parts == pytest.approx(value(cell, LOGITS, totals(3.25), LABELS, WEIGHTS), rel=1e-6)


def test_the_head_is_a_linear_map_under_hugging_faces_names() -> None:
    head = PooledHead(6, 3, seed=1)
    named = {name: parameter.asnumpy() for name, parameter in head.parameters_dict().items()}
    assert {name: values.shape for name, values in named.items()} == {
        "classifier.weight": (3, 6),
        "classifier.bias": (3,),
    }
    head.classifier.bias.set_data(Tensor(np.array([1.0, 2.0, 3.0], np.float32)))
    pooled = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    expected = pooled @ named["classifier.weight"].T + [1.0, 2.0, 3.0]
    np.testing.assert_allclose(head(Tensor(pooled)).asnumpy(), expected, rtol=1e-5, atol=1e-6)


def test_first_values_are_cut_off_at_two_deviations() -> None:
    values = PooledHead(400, 20, seed=3).classifier.weight.asnumpy()
    assert np.abs(values).max() <= 2 * DEVIATION
    assert values.std() == pytest.approx(0.88 * DEVIATION, rel=0.03)
    assert (values != PooledHead(400, 20, seed=4).classifier.weight.asnumpy()).any()
