"""The CRF's loss and its derivatives are the same bits at every run, however threads share the work."""

from __future__ import annotations

import mindspore as ms
import numpy as np
from bertrun_ner.heads import CrfLoss
from mindspore import Parameter, ParameterTuple, Tensor, nn, ops

LABELS = 9
ROUNDS = 400  # with `ops.log` about one in a hundred differed


class Slopes(nn.Cell):
    """The loss, and its derivatives by all that it depends on."""

    def __init__(self, loss: CrfLoss) -> None:
        super().__init__()
        self.weight = Parameter(Tensor(np.eye(LABELS, dtype=np.float32)), name="weight")
        self.loss = loss
        self.learnt = ParameterTuple([self.weight, *loss.get_parameters()])
        self.gradient = ops.value_and_grad(self._value, None, weights=self.learnt)

    def _value(self, vectors, totals, mask, labels):
        return self.loss(ops.matmul(vectors, self.weight), totals, mask, labels)

    def construct(self, vectors, totals, mask, labels):
        return self.gradient(vectors, totals, mask, labels)


def batch(random: np.random.Generator, rows: int, length: int) -> list[Tensor]:
    lengths = random.integers(1, length + 1, rows)
    lengths[0] = length
    mask = (np.arange(length) < lengths[:, None]).astype(np.float32)
    vectors = random.normal(size=(rows, length, LABELS)).astype(np.float32)
    labels = random.integers(0, LABELS, (rows, length)).astype(np.int32)
    return [Tensor(array) for array in (vectors, np.array([mask.sum()], np.float32), mask, labels)]


def test_every_run_gives_the_same_bits() -> None:
    random = np.random.default_rng(0)
    slopes = Slopes(CrfLoss(LABELS))
    for parameter in slopes.loss.get_parameters():
        parameter.set_data(Tensor(random.normal(scale=0.1, size=parameter.shape).astype(np.float32)))
    batches = [batch(random, rows, length) for rows, length in [(5, 12), (5, 30), (4, 7), (10, 25), (1, 3)]]
    open_shape = [
        Tensor(shape=[None] * size, dtype=kind) for size, kind in ((3, ms.float32), (2, ms.float32), (2, ms.int32))
    ]
    slopes.set_inputs(open_shape[0], batches[0][1], *open_shape[1:])
    seen: dict[int, set[bytes]] = {}
    for _ in range(ROUNDS):
        number = int(random.integers(len(batches)))
        loss, gradients = slopes(*batches[number])
        bits = b"".join(tensor.asnumpy().tobytes() for tensor in (loss, *gradients))
        seen.setdefault(number, set()).add(bits)
    assert {number: len(found) for number, found in seen.items()} == dict.fromkeys(range(len(batches)), 1)
