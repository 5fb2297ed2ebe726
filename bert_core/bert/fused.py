"""Attention by a device's own fused operator."""

from __future__ import annotations

from typing import Any

import mindspore as ms
from mindspore import Tensor, nn, ops

from .attention import Attention


class FusedAttention(nn.Cell):  # type: ignore[misc]
    """Attention that a device computes in one operator, without keeping what all queries think of all keys.

    The operator is a cell that a device gives by the name `fused_attention`, made with heads, their width and the
    compute dtype. It takes queries, keys and values (batch, length, heads * width), float32, and a mask
    (batch, 1, length, length), True where a piece is padding; its first value is the context vectors, of the
    queries' shape, and its `bprop` gives the gradients of the three. Its class says by `fits(heads, width,
    compute_dtype)` whether it can.

    Where values drop out, attention is the plain one: the fused operator draws no factors that a run could
    draw again when it goes on.

    Args:
        heads: How many.
        width: Of one head.
        compute_dtype: Of the products; see `products`.
        fused: The device's operator.
        drops: Whether factors of dropout mean anything: where the rate is 0 they are all 1.
    """

    def __init__(self, heads: int, width: int, compute_dtype: str, fused: nn.Cell, *, drops: bool) -> None:
        super().__init__()
        self.plain = Attention(heads, width, compute_dtype)
        self.fused = fused
        self.hidden = heads * width
        self.drops = drops
        self.gather = ops.Gather()
        self.first = Tensor(0, ms.int32)

    def construct(self, q: Any, k: Any, v: Any, bias: Any, factors: Any, batch: Any, length: Any) -> Any:
        """See `Attention`."""
        if self.drops and isinstance(factors, Tensor):
            return self.plain(q, k, v, bias, factors, batch, length)
        shape = (batch, length, self.hidden)
        mask = self.mask(bias, batch, length)
        found = self.fused(q.reshape(shape), k.reshape(shape), v.reshape(shape), mask)
        return found[0].reshape((-1, self.hidden)), found

    def bprop(
        self, q: Any, k: Any, v: Any, bias: Any, factors: Any, batch: Any, length: Any, out: Any, dout: Any
    ) -> Any:
        """Gradients of q, k and v; the other arguments are constants."""
        if self.drops and isinstance(factors, Tensor):
            return self.plain.bprop(q, k, v, bias, factors, batch, length, out, dout)
        shape = (batch, length, self.hidden)
        mask = self.mask(bias, batch, length)
        there = (q.reshape(shape), k.reshape(shape), v.reshape(shape), mask)
        d = self.fused.bprop(*there, out[1], (dout[0].reshape(shape),))
        flat = (-1, self.hidden)
        return d[0].reshape(flat), d[1].reshape(flat), d[2].reshape(flat), bias, factors, batch, length

    def mask(self, bias: Any, batch: Any, length: Any) -> Any:
        """(batch, 1, length, length), True where the bias (heads, batch, length, length) hides a key."""
        # all heads have the same bias; a slice `bias[0]` does not compile in a cell with its own bprop (MindSpore 2.10)
        return (self.gather(bias, self.first, 0) < 0).reshape((batch, 1, length, length))
