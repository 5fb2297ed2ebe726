"""Computing layers again on the way back changes no number and needs less memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np
import pytest
from mindspore import ParameterTuple, Tensor, nn, ops
from numpy.typing import NDArray

from bert_core.bert.config import BertOptions, NezhaOptions
from bert_core.bert.encoder import BertModel, Maker
from bert_core.bert.nezha import NezhaMaker
from bert_core.types import EncoderParts

SIZES: dict[str, Any] = {
    "vocab_size": 20,
    "hidden_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 30,
    "initializer_range": 0.3,
}
FAMILIES: dict[str, tuple[BertOptions, type[Maker]]] = {
    "bert": (BertOptions(**SIZES), Maker),
    "bert-tanh": (BertOptions(**SIZES, hidden_act="gelu_new"), Maker),
    "nezha": (
        NezhaOptions(**SIZES, hidden_act="relu", relative_positions="learned", max_relative_position=3),
        NezhaMaker,
    ),
}

Array = NDArray[Any]


class Target(nn.Cell):
    """A scalar of every vector."""

    def __init__(self, model: BertModel) -> None:
        super().__init__()
        self.model = model
        self.weights = Tensor(np.linspace(-1, 1, model.hidden_size, dtype=np.float32))

    def construct(self, input_ids: Any, token_type_ids: Any, attention_mask: Any, *noise: Any) -> Any:
        sequence, pooled = self.model(input_ids, token_type_ids, attention_mask, noise)
        return (ops.sin(sequence) * self.weights).sum() + pooled.sum()


class Gradients(nn.Cell):
    """The scalar and its gradients, compiled for every length."""

    def __init__(self, model: BertModel) -> None:
        super().__init__()
        self.parameters = ParameterTuple(list(model.get_parameters()))
        self.gradient = ops.value_and_grad(Target(model), None, weights=self.parameters)
        ranks = [noise.shape(1, 1) for noise in model.noises]
        self.set_inputs(
            *[Tensor(shape=[None, None], dtype=ms.int32) for _ in range(3)],
            *[Tensor(shape=[None] * len(rank), dtype=ms.float32) for rank in ranks],
        )

    def construct(self, *batch: Any) -> Any:
        return self.gradient(*batch)


def batch(model: BertModel, rows: int, length: int) -> list[Array]:
    generator = np.random.default_rng([rows, length])
    mask = (np.arange(length)[None] < generator.integers(1, length + 1, rows)[:, None]).astype(np.int32)
    ids = generator.integers(1, 20, mask.shape).astype(np.int32) * mask
    kept = [generator.random(noise.shape(rows, length)) >= noise.rate for noise in model.noises]
    factors = [(mask_ / (1 - noise.rate)).astype(np.float32) for mask_, noise in zip(kept, model.noises, strict=True)]
    return [ids, np.zeros_like(ids), mask, *factors]


def made(family: str, *, recompute: bool, batches: Sequence[tuple[int, int]]) -> list[list[Array]]:
    """The scalar and the gradients of each batch."""
    options, maker = FAMILIES[family]
    model = BertModel(options, EncoderParts(operators={}, pooler=True, seed=3, recompute=recompute), maker)
    cell = Gradients(model)
    found = [cell(*map(Tensor, batch(model, *sizes))) for sizes in batches]
    assert len(cell.compile_cache) == 1
    return [[value.asnumpy(), *(gradient.asnumpy() for gradient in gradients)] for value, gradients in found]


@pytest.mark.parametrize("family", FAMILIES)
def test_loss_and_gradients_are_the_same_bits(family: str) -> None:
    sizes = [(3, 9), (1, 5)]
    plain, again = (made(family, recompute=recompute, batches=sizes) for recompute in (False, True))
    for first, second in zip(plain, again, strict=True):
        for left, right in zip(first, second, strict=True):
            np.testing.assert_array_equal(left, right)


MEMORY = """
import resource, sys
sys.path.insert(0, {folder!r})
import test_recompute as here
import mindspore as ms
ms.set_device("CPU")
ms.set_context(mode=ms.GRAPH_MODE)
here.SIZES.update(num_hidden_layers=6, hidden_size=64, num_attention_heads=4, max_position_embeddings=384)
here.FAMILIES["bert"] = (here.BertOptions(**here.SIZES), here.Maker)
here.made("bert", recompute={recompute}, batches=[(16, 384)])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_less_memory_is_needed() -> None:
    """Six layers keep several matrices of attention, of 38 MB each."""

    def megabytes(recompute: bool) -> int:
        code = MEMORY.format(folder=str(Path(__file__).parent), recompute=recompute)
        return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)

    assert megabytes(True) < megabytes(False) - 150
