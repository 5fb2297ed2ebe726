"""The head and the loss against NumPy."""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np
import pytest
from bertrun_squad.heads import DEVIATION, SpanHead, SpanLoss
from mindspore import Tensor, nn, ops

pytestmark = pytest.mark.usefixtures("graph_mode")

WIDTH, LENGTHS = 6, (5, 3, 7)
MASK = (np.arange(7) < np.array(LENGTHS)[:, None]).astype(np.int32)
STARTS, ENDS = np.array([2, 0, 6], np.int32), np.array([4, 0, 6], np.int32)


def drawn(*shape: int) -> Any:
    return np.random.default_rng([*shape]).normal(size=shape).astype(np.float32)


def slow(logits: Any, total: float) -> float:
    loss = 0.0
    for row, length in enumerate(LENGTHS):
        for column, position in ((0, STARTS[row]), (1, ENDS[row])):
            scores = logits[row, :length, column].astype(np.float64)
            loss += (np.log(np.exp(scores).sum()) - scores[position]) / 2
    return loss / total


def test_logits_are_linear_in_each_vector() -> None:
    head, vectors = SpanHead(WIDTH, seed=1), drawn(3, 7, WIDTH)
    names = {name: parameter.asnumpy() for name, parameter in head.parameters_and_names()}
    assert {name: value.shape for name, value in names.items()} == {
        "qa_outputs.weight": (2, WIDTH),
        "qa_outputs.bias": (2,),
    }
    expected = vectors @ names["qa_outputs.weight"].T + names["qa_outputs.bias"]
    np.testing.assert_allclose(head(Tensor(vectors)).asnumpy(), expected, atol=1e-6)
    assert 0 < np.abs(names["qa_outputs.weight"]).max() <= 2 * DEVIATION


def test_the_loss_is_the_mean_of_both_cross_entropies_over_the_windows_of_the_global_batch() -> None:
    loss, logits = SpanLoss(), 3 * drawn(3, 7, 2)
    rest = [*map(Tensor, (MASK, STARTS, ENDS))]
    for total in (3.0, 12.0):
        ours = loss(Tensor(logits), Tensor(np.array([total], np.float32)), *rest).asnumpy()
        np.testing.assert_allclose(ours, slow(logits, total), rtol=1e-5)
    wild = np.where(MASK[:, :, None], logits, 1e4).astype(np.float32)
    again = loss(Tensor(wild), Tensor(np.array([12.0], np.float32)), *rest).asnumpy()
    np.testing.assert_allclose(again, ours, rtol=1e-6, err_msg="padding has a share")


class Gradient(nn.Cell):
    def __init__(self) -> None:
        super().__init__()
        self.gradient = ops.grad(SpanLoss(), 0)

    def construct(self, *arguments: Any) -> Any:
        return self.gradient(*arguments)


def test_the_gradient_is_the_softmax_less_the_answer_and_none_of_padding() -> None:
    logits = drawn(3, 7, 2)
    arguments = (logits, np.array([3.0], np.float32), MASK, STARTS, ENDS)
    gradient = Gradient()(*map(Tensor, arguments)).asnumpy()
    powers = np.exp(logits) * MASK[:, :, None]
    expected = powers / powers.sum(1, keepdims=True)
    expected[np.arange(3), STARTS, 0] -= 1
    expected[np.arange(3), ENDS, 1] -= 1
    np.testing.assert_allclose(gradient, expected / 6, atol=1e-6)


def test_first_values_depend_on_the_seed_alone() -> None:
    first, again, other = (SpanHead(WIDTH, seed).qa_outputs.weight.asnumpy() for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert ms.get_context("mode") == ms.GRAPH_MODE
