"""The type in which matrix products are computed: what it changes."""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np
from mindspore import ParameterTuple, Tensor, nn, ops

from bert_core.bert.config import BertOptions
from bert_core.bert.encoder import BertModel
from bert_core.bert.products import Rounded, product
from bert_core.types import EncoderParts

SIZES = BertOptions(
    vocab_size=50,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=64,
    max_position_embeddings=16,
    initializer_range=0.2,
)


def test_bfloat16_goes_the_way_of_float16() -> None:
    """What is compiled, no more: MindSpore 2.10 multiplies no bfloat16 on CPU."""
    made = product(ops.MatMul(), "bfloat16")
    assert isinstance(made, Rounded)
    assert made.dtype == ms.bfloat16


class Slopes(nn.Cell):
    """Vectors, and the gradients of a scalar of them."""

    def __init__(self, dtype: str) -> None:
        super().__init__()
        self.model = BertModel(SIZES, EncoderParts(operators={}, pooler=True, seed=1, compute_dtype=dtype))
        self.parameters = ParameterTuple(list(self.model.get_parameters()))
        self.gradient = ops.value_and_grad(self.scalar, None, weights=self.parameters, has_aux=True)

    def scalar(self, input_ids: Any, token_type_ids: Any, attention_mask: Any) -> Any:
        sequence, pooled = self.model(input_ids, token_type_ids, attention_mask, ())
        return ops.sin(sequence).sum() + pooled.sum(), sequence, pooled

    def construct(self, input_ids: Any, token_type_ids: Any, attention_mask: Any) -> Any:
        return self.gradient(input_ids, token_type_ids, attention_mask)


def test_float16_is_near_float32_and_all_that_leaves_is_float32() -> None:
    generator = np.random.default_rng(0)
    mask = (np.arange(9)[None] < np.array([[9], [5], [2]])).astype(np.int32)
    ids = generator.integers(1, 50, mask.shape).astype(np.int32) * mask
    batch = [Tensor(array) for array in (ids, np.zeros_like(ids), mask)]
    (_, exact, _), exact_slopes = Slopes("float32")(*batch)
    (_, rounded, pooled), slopes = Slopes("float16")(*batch)
    assert {tensor.dtype for tensor in (rounded, pooled, *slopes)} == {ms.float32}
    # Two layers of six products, each off by at most 3 units of 2^-11; layer norms keep vectors near 1.
    error = np.abs(rounded.asnumpy() - exact.asnumpy())[mask > 0].max()
    assert 1e-4 < error < 2 * 6 * 3 * 2.0**-11
    for left, right in zip(slopes, exact_slopes, strict=True):
        scale = max(1.0, float(np.abs(right.asnumpy()).max()))
        np.testing.assert_allclose(left.asnumpy(), right.asnumpy(), rtol=0, atol=2 * 12 * 3 * 2.0**-11 * scale)
