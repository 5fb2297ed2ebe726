"""Fused attention beside the plain one: with a stand-in for the one operator, and with the operator where it is."""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np
import pytest
from bertrun_devices import ascend_probe, flash
from mindspore import Tensor, nn, ops

from bert_core.bert.attention import Attention
from bert_core.bert.config import BertOptions
from bert_core.bert.encoder import MASKED, BertModel
from bert_core.bert.fused import FusedAttention
from bert_core.types import EncoderParts

HEADS, WIDTH, BATCH, LENGTH = 3, 16, 2, 5
CLOSE = {"rtol": 2e-2, "atol": 4e-3}  # float16


class Told(nn.Cell):
    """What both stand-ins are told, by the names of CANN's operator, and how they read their layout.

    Written from the documents of `FlashAttentionScore` alone: (batch, length, heads * width) in, and a mask whose True
    discards.
    """

    def __init__(
        self, head_num, keep_prob, scale_value, pre_tokens, next_tokens, inner_precise, input_layout, sparse_mode
    ):
        super().__init__()
        assert (keep_prob, input_layout, sparse_mode) == (1.0, "BSH", 0)
        assert pre_tokens == next_tokens == 2**31 - 1
        self.heads, self.scale = head_num, scale_value
        # functions of MindSpore that make a primitive do not compile inside the way back of a layer that is recomputed
        self.swap = ops.Transpose()
        self.product, self.product_a = ops.BatchMatMul(), ops.BatchMatMul(transpose_a=True)
        self.product_b = ops.BatchMatMul(transpose_b=True)
        self.most, self.sum = ops.ReduceMax(True), ops.ReduceSum(True)
        self.exp, self.tile = ops.Exp(), ops.Tile()

    def by_head(self, x):
        batch, length, hidden = x.shape
        return self.swap(x.astype(ms.float32).reshape((batch, length, self.heads, hidden // self.heads)), (0, 2, 1, 3))

    def together(self, x):
        batch, heads, length, width = x.shape
        return self.swap(x, (0, 2, 1, 3)).reshape((batch, length, heads * width)).astype(ms.float16)

    def scores(self, q, k, mask):
        return self.product_b(self.by_head(q), self.by_head(k)) * self.scale + mask.astype(ms.float32) * (-1e30)


class StandIn(Told):
    """The way there."""

    def construct(self, query, key, value, real_shift, drop_mask, padding_mask, attn_mask):
        scores = self.scores(query, key, attn_mask)
        largest = self.most(scores, -1)
        powers = self.exp(scores - largest)
        total = self.sum(powers, -1)
        context = self.together(self.product(powers / total, self.by_head(value)))
        eight = (1, 1, 1, 8)
        return self.tile(largest, eight), self.tile(total, eight), context, context


class StandInBack(Told):
    """The way back."""

    def construct(
        self,
        query,
        key,
        value,
        dy,
        pse_shift,
        drop_mask,
        padding_mask,
        atten_mask,
        softmax_max,
        softmax_sum,
        softmax_in,
        attention_in,
    ):
        largest, total = self.most(softmax_max, -1), self.most(softmax_sum, -1)  # eight times the same
        p = self.exp(self.scores(query, key, atten_mask) - largest) / total
        d = self.by_head(dy)
        own = self.sum(d * self.by_head(attention_in), -1)
        ds = p * (self.product_b(d, self.by_head(value)) - own) * self.scale
        dq, dk = self.product(ds, self.by_head(key)), self.product_a(ds, self.by_head(query))
        return self.together(dq), self.together(dk), self.together(self.product_a(p, d)), dy


@pytest.fixture(scope="module", autouse=True)
def graph_mode():
    if ascend_probe.probe().available:
        ms.set_device("Ascend")
    elif ms.get_context("device_target") != "CPU":
        ms.set_device("CPU")
    ms.set_context(mode=ms.GRAPH_MODE)


@pytest.fixture
def stand_in(monkeypatch):
    monkeypatch.setattr(flash, "FlashAttentionScore", StandIn)
    monkeypatch.setattr(flash, "FlashAttentionScoreGrad", StandInBack)


class Sloped(nn.Cell):
    """Context vectors, and the gradients of q, k and v of their weighed sum."""

    def __init__(self, attention: nn.Cell) -> None:
        super().__init__()
        self.attention = attention
        self.slope = ops.value_and_grad(self.weighed, (0, 1, 2), has_aux=True)

    def weighed(self, q: Any, k: Any, v: Any, bias: Any, factors: Any, weights: Any) -> Any:
        context = self.attention(q, k, v, bias, factors, BATCH, LENGTH)[0]
        return (context * weights).sum(), context

    def construct(self, q: Any, k: Any, v: Any, bias: Any, weights: Any, factors: Any = 1.0) -> Any:
        (_, context), slopes = self.slope(q, k, v, bias, factors, weights)
        return context, *slopes


def arguments():
    random = np.random.default_rng(0)
    q, k, v, weights = (random.normal(size=(BATCH * LENGTH, HEADS * WIDTH)).astype(np.float32) for _ in range(4))
    kept = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], np.float32)
    bias = np.broadcast_to((1 - kept)[None, :, None, :] * MASKED, (HEADS, BATCH, LENGTH, LENGTH)).astype(np.float32)
    return [Tensor(np.ascontiguousarray(item)) for item in (q, k, v, bias, weights)]


def fused(drops: bool = False) -> FusedAttention:
    made = flash.FlashAttention(HEADS, WIDTH, "float16")
    return FusedAttention(HEADS, WIDTH, "float16", made, drops=drops)


def formula(q, k, v, bias):
    """Softmax attention in float64."""
    split = [np.float64(x.asnumpy()).reshape(BATCH, LENGTH, HEADS, WIDTH).transpose(2, 0, 1, 3) for x in (q, k, v)]
    scores = split[0] @ split[1].swapaxes(-1, -2) / np.sqrt(WIDTH) + bias.asnumpy()
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    context = powers / powers.sum(-1, keepdims=True) @ split[2]
    return context.transpose(1, 2, 0, 3).reshape(BATCH * LENGTH, HEADS * WIDTH)


def compare() -> None:
    given = arguments()
    own, plain = Sloped(fused())(*given), Sloped(Attention(HEADS, WIDTH))(*given)
    np.testing.assert_allclose(own[0].asnumpy(), formula(*given[:4]), **CLOSE)
    for one, other in zip(own, plain, strict=True):
        np.testing.assert_allclose(one.asnumpy(), other.asnumpy(), **CLOSE)


def test_layout_mask_and_scale_are_those_of_the_plain_one(stand_in):
    compare()


@pytest.mark.skipif(not ascend_probe.probe().available, reason="no Ascend is here")
def test_ascend_s_operator_is_the_plain_one():
    compare()


def test_where_values_drop_out_it_is_the_plain_one_bit_by_bit(stand_in):
    factors = Tensor((np.random.default_rng(1).random((HEADS, BATCH, LENGTH, LENGTH)) > 0.3).astype(np.float32) / 0.7)
    own = Sloped(fused(drops=True))(*arguments(), factors)
    plain = Sloped(Attention(HEADS, WIDTH, "float16"))(*arguments(), factors)
    for one, other in zip(own, plain, strict=True):
        np.testing.assert_array_equal(one.asnumpy(), other.asnumpy())


@pytest.mark.parametrize(
    ("heads", "width", "dtype", "fits"),
    [
        (12, 64, "float16", True),
        (16, 64, "bfloat16", True),
        (12, 64, "float32", False),
        (12, 26, "float16", False),
        (2, 1024, "float16", False),
        (512, 16, "float16", False),
    ],
)
def test_it_is_taken_where_heads_and_dtype_fit(heads, width, dtype, fits):
    assert flash.FlashAttention.fits(heads, width, dtype) is fits


SIZES = {"vocab_size": 20, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 8}


@pytest.mark.parametrize("recompute", [False, True])
def test_an_encoder_computes_and_learns_as_with_the_plain_one(stand_in, recompute):
    found = [_encoded(operators, recompute) for operators in ({"fused_attention": flash.FlashAttention}, {})]
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, **CLOSE)


class Summed(nn.Cell):
    """The encoder's vectors and the gradient of their weighed sum, without dropout."""

    def __init__(self, encoder: BertModel, weights: Tensor) -> None:
        super().__init__()
        self.encoder, self.weights = encoder, weights
        self.slope = ops.value_and_grad(self.total, None, encoder.trainable_params(), has_aux=True)

    def total(self, ids: Any, mask: Any) -> Any:
        sequence = self.encoder(ids, ids * 0, mask, ())[0]
        return (sequence * self.weights).sum(), sequence

    def construct(self, ids: Any, mask: Any) -> Any:
        return self.slope(ids, mask)


def _encoded(operators: dict[str, Any], recompute: bool) -> list[Any]:
    options = BertOptions(**SIZES, hidden_act="relu")
    parts = EncoderParts(operators=operators, pooler=False, seed=3, compute_dtype="float16", recompute=recompute)
    encoder = BertModel(options, parts)
    assert isinstance(encoder.encoder.layer[0].function.attend, FusedAttention if operators else Attention)
    random = np.random.default_rng(2)
    weights = Tensor(random.normal(size=(2, 6, 32)).astype(np.float32))
    ids = Tensor(random.integers(0, 20, (2, 6)).astype(np.int32))
    mask = Tensor(np.array([[1] * 6, [1] * 4 + [0] * 2], np.int32))
    (_, sequence), gradients = Summed(encoder, weights)(ids, mask)
    return [sequence.asnumpy(), *(gradient.asnumpy() for gradient in gradients)]


class Silent(StandIn):
    """A stand-in whose context is nothing, so that one sees whether it was asked."""

    def construct(self, query, key, value, real_shift, drop_mask, padding_mask, attn_mask):
        return query, query, query, query * 0.0


def test_an_evaluation_takes_it_though_training_drops_values_out(stand_in, monkeypatch):
    monkeypatch.setattr(flash, "FlashAttentionScore", Silent)
    context = fused(drops=True)(*arguments()[:4], 1.0, BATCH, LENGTH)[0]
    assert not context.asnumpy().any()


def test_training_takes_it_where_nothing_drops_out(stand_in, monkeypatch):
    monkeypatch.setattr(flash, "FlashAttentionScore", Silent)
    ones = Tensor(np.ones((HEADS, BATCH, LENGTH, LENGTH), np.float32))
    assert not fused(drops=False)(*arguments()[:4], ones, BATCH, LENGTH)[0].asnumpy().any()
