"""Attention of many heads, plain and with relative positions."""

from __future__ import annotations

from typing import Any

import mindspore as ms
from mindspore import nn, ops

from .products import product


class Heads(nn.Cell):  # type: ignore[misc]
    """What all attention needs: products head by head, and vectors cut into heads and put together.

    Args:
        heads: How many.
        width: Of one head.
        compute_dtype: Of the products; see `products`.
    """

    def __init__(self, heads: int, width: int, compute_dtype: str = "float32") -> None:
        super().__init__()
        self.heads = heads
        self.width = width
        self.scale = width**-0.5
        self.softmax = ops.Softmax(-1)
        self.columns = ops.Split(1, heads)
        self.rows = ops.Split(0, heads)
        self.beneath = ops.Concat(0)
        self.beside = ops.Concat(1)
        self.product = product(ops.BatchMatMul(), compute_dtype)
        self.product_b = product(ops.BatchMatMul(transpose_b=True), compute_dtype)
        self.product_a = product(ops.BatchMatMul(transpose_a=True), compute_dtype)
        self.spread = ops.BatchMatMul(transpose_b=True)

    def split(self, x: Any, batch: Any, length: Any) -> Any:
        """(heads, batch, length, width) from (batch * length, heads * width)."""
        if self.heads == 1:
            return x.reshape((1, batch, length, self.width))
        return self.beneath(self.columns(x)).reshape((self.heads, batch, length, self.width))

    def join(self, x: Any) -> Any:
        """(batch * length, heads * width) from (heads, batch, length, width)."""
        flat = x.reshape((-1, self.width))
        return flat if self.heads == 1 else self.beside(self.rows(flat))


class Attention(Heads):
    """Scaled dot-product attention of many heads (Vaswani et al. 2017)."""

    def construct(self, q: Any, k: Any, v: Any, bias: Any, factors: Any, batch: Any, length: Any) -> Any:
        """The context vectors, and what the way back needs.

        Args:
            q: Queries (batch * length, heads * width); k and v are keys and values.
            k: See q.
            v: See q.
            bias: (heads, batch, length, length), added to the scores: 0, or very negative for padding.
            factors: Dropout's, (heads, batch, length, length), or 1.
            batch: Rows.
            length: Pieces in a row.
        """
        q = self.split(q * self.scale, batch, length)
        k, v = self.split(k, batch, length), self.split(v, batch, length)
        p = self.softmax(self.product_b(q, k) + bias)  # (heads, batch, length, length)
        dropped = p * factors
        return self.join(self.product(dropped, v)), p, dropped, q, k, v

    def bprop(
        self, q: Any, k: Any, v: Any, bias: Any, factors: Any, batch: Any, length: Any, out: Any, dout: Any
    ) -> Any:
        """Gradients of q, k and v. The other arguments are constants, whose gradients nobody reads.

        The softmax's way back takes from each score's gradient its row's sum of dp * p, which is the sum of
        dcontext * context of the row's head, spread over the row by a product with ones.
        """
        context, p, dropped, q, k, v = out
        d = self.split(dout[0], batch, length)
        own = self.split(dout[0] * context, batch, length)
        ds = self.product_b(d, v) * dropped - p * self.spread(own, ops.ones_like(k))
        dq = self.join(self.product(ds, k)) * self.scale
        dk = self.join(self.product_a(ds, q))
        dv = self.join(self.product_a(dropped, d))
        return dq, dk, dv, bias, factors, batch, length


class RelativeAttention(Heads):
    """Attention in which keys and values know how far they are from the query (Wei et al. 2019, Shaw et al. 2018).

    With R the vectors of a table by clipped distance, R[j - i] is added to key j and to value j for query i:
    scores are q_i . (k_j + R[j - i]) and contexts sum p_ij (v_j + R[j - i]). No such sum is formed. The products
    of all queries with all distances are one matrix product, of which query i's row is read from its own place
    on, by laying the rows out anew one number shorter each; values go the same way backwards.

    Args:
        heads: How many.
        width: Of one head.
        reach: The distance from which on all count as alike; the table has 2 * reach + 1 rows.
        compute_dtype: Of the products; see `products`.
    """

    def __init__(self, heads: int, width: int, reach: int, compute_dtype: str = "float32") -> None:
        super().__init__(heads, width, compute_dtype)
        self.reach = reach
        self.count = ops.Range()
        self.gather = ops.Gather()
        self.scatter = ops.UnsortedSegmentSum()
        self.last = ops.Concat(2)
        self.matrix = product(ops.MatMul(), compute_dtype)
        self.matrix_a = product(ops.MatMul(transpose_a=True), compute_dtype)
        self.matrix_b = product(ops.MatMul(transpose_b=True), compute_dtype)

    def places(self, length: Any) -> Any:
        """The table's row for each distance from -length to length: (2 * length + 1)."""
        distances = self.count(0, 2 * length + 1, 1).astype(ms.int32) - length
        return ops.maximum(ops.minimum(distances, self.reach), -self.reach) + self.reach

    def by_piece(self, x: Any, batch: Any, length: Any) -> Any:
        """(heads, batch, length, length) by query and piece from (..., 2 * length + 1) by query and distance."""
        flat = x.reshape((-1, length * (2 * length + 1)))[:, length:]
        return flat.reshape((-1, length, 2 * length))[:, :, :length].reshape((self.heads, batch, length, length))

    def by_distance(self, x: Any, length: Any) -> Any:
        """(heads * batch * length, 2 * length + 1) by query and distance from (heads, batch, length, length)."""
        x = x.reshape((-1, length, length))
        wide = self.last((x, x * 0.0)).reshape((-1, 2 * length * length))
        return self.beside((wide[:, :length] * 0.0, wide)).reshape((-1, 2 * length + 1))

    def construct(self, q: Any, k: Any, v: Any, bias: Any, factors: Any, batch: Any, length: Any, table: Any) -> Any:
        """See `Attention`; `table` is (2 * reach + 1, width)."""
        shape = (self.heads, batch, length, self.width)
        q = self.split(q * self.scale, batch, length)
        k, v = self.split(k, batch, length), self.split(v, batch, length)
        places = self.places(length)
        far = self.gather(table, places, 0)  # (2 * length + 1, width)
        scores = self.matrix_b(q.reshape((-1, self.width)), far)
        p = self.softmax(self.product_b(q, k) + self.by_piece(scores, batch, length) + bias)
        dropped = p * factors
        context = self.product(dropped, v) + self.matrix(self.by_distance(dropped, length), far).reshape(shape)
        return self.join(context), p, dropped, q, k, v, far, places

    def bprop(
        self,
        q: Any,
        k: Any,
        v: Any,
        bias: Any,
        factors: Any,
        batch: Any,
        length: Any,
        table: Any,
        out: Any,
        dout: Any,
    ) -> Any:
        """Gradients of q, k, v and the table; see `Attention`."""
        context, p, dropped, q, k, v, far, places = out
        shape = (self.heads, batch, length, self.width)
        d = self.split(dout[0], batch, length)
        own = self.split(dout[0] * context, batch, length)
        flat = d.reshape((-1, self.width))
        dp = self.product_b(d, v) + self.by_piece(self.matrix_b(flat, far), batch, length)
        ds = dp * dropped - p * self.spread(own, ops.ones_like(k))
        moved = self.by_distance(ds, length)
        dq = self.join(self.product(ds, k) + self.matrix(moved, far).reshape(shape)) * self.scale
        dk = self.join(self.product_a(ds, q))
        dv = self.join(self.product_a(dropped, d))
        dfar = self.matrix_a(moved, q.reshape((-1, self.width)))
        dfar = dfar + self.matrix_a(self.by_distance(dropped, length), flat)
        dtable = self.scatter(dfar, places, 2 * self.reach + 1)
        return dq, dk, dv, bias, factors, batch, length, dtable
