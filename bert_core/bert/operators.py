"""The operators that the encoder calls, in plain MindSpore; a device may bring its own of the same names.

Each states its own backward pass: what MindSpore derives from the composed form takes more passes over
memory, and shape arithmetic at every call where lengths are dynamic.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mindspore import nn, ops
from mindspore.ops.auto_generate import LayerNormGrad

# x * Phi(x) = x * sigmoid(x * Q(x^2)): Q is a minimax polynomial, found by minimising the largest error of
# the product in float32; it stays below 6e-7 for every x. MindSpore's own erf form is ten times slower.
_GELU = (
    1.5957684516906738,
    0.07266856729984283,
    -6.625998503295705e-05,
    -0.00011048031592508778,
    7.938218914205208e-06,
    -2.668928118509939e-07,
    3.611232868294678e-09,
)
_ROOT_2_PI = 0.3989422804014327


class Linear(nn.Cell):  # type: ignore[misc]
    """x (n, in) times w (out, in) transposed, plus b (out)."""

    def __init__(self) -> None:
        super().__init__()
        self.forward = ops.MatMul(transpose_b=True)
        self.back = ops.MatMul()
        self.weight_back = ops.MatMul(transpose_a=True)
        self.sum = ops.ReduceSum()

    def construct(self, x: Any, w: Any, b: Any) -> Any:
        """(n, out)."""
        return self.forward(x, w) + b

    def bprop(self, x: Any, w: Any, b: Any, out: Any, dout: Any) -> Any:
        """Gradients of x, w and b."""
        return self.back(dout, w), self.weight_back(dout, x), self.sum(dout, 0)


class Gelu(nn.Cell):  # type: ignore[misc]
    """The exact GELU, x * Phi(x) with the normal distribution Phi (Hendrycks and Gimpel 2016)."""

    def construct(self, x: Any) -> Any:
        """The value, and Phi(x) for the way back."""
        z = x * x
        q = z * _GELU[6] + _GELU[5]
        q = q * z + _GELU[4]
        q = q * z + _GELU[3]
        q = q * z + _GELU[2]
        q = q * z + _GELU[1]
        q = q * z + _GELU[0]
        phi = ops.sigmoid(q * x)
        return x * phi, phi

    def bprop(self, x: Any, out: Any, dout: Any) -> Any:
        """Phi(x) + x times the normal density."""
        density = ops.exp(x * x * (-0.5)) * x
        return ((density * _ROOT_2_PI + out[1]) * dout[0],)


class LayerNorm(nn.Cell):  # type: ignore[misc]
    """Layer normalisation over the last axis of (n, width) (Ba et al. 2016)."""

    def __init__(self, epsilon: float) -> None:
        super().__init__()
        self.norm = ops.LayerNorm(1, 1, epsilon)
        self.gradient = LayerNormGrad(1, 1).add_prim_attr("epsilon", epsilon)

    def construct(self, x: Any, weight: Any, bias: Any) -> Any:
        """The value, the mean and the variance."""
        return self.norm(x, weight, bias)

    def bprop(self, x: Any, weight: Any, bias: Any, out: Any, dout: Any) -> Any:
        """Gradients of x, weight and bias."""
        return self.gradient(x, dout[0], out[2], out[1], weight)


class Attention(nn.Cell):  # type: ignore[misc]
    """Scaled dot-product attention of many heads (Vaswani et al. 2017).

    Args:
        heads: How many.
        width: Of one head.
    """

    def __init__(self, heads: int, width: int) -> None:
        super().__init__()
        self.heads = heads
        self.width = width
        self.scale = width**-0.5
        self.softmax = ops.Softmax(-1)
        self.sum = ops.ReduceSum(keep_dims=True)
        self.product = ops.BatchMatMul()
        self.product_b = ops.BatchMatMul(transpose_b=True)
        self.product_a = ops.BatchMatMul(transpose_a=True)

    def construct(self, qkv: Any, bias: Any, factors: Any, batch: Any, length: Any) -> Any:
        """The context vectors, and what the way back needs.

        Args:
            qkv: (batch * length, 3 * heads * width), queries, keys and values side by side.
            bias: (batch, 1, 1, length), added to the scores: 0, or very negative for padding.
            factors: Dropout's, (batch, heads, length, length), or 1.
            batch: Rows.
            length: Pieces in a row.
        """
        parts = qkv.reshape((batch, length, 3, self.heads, self.width)).transpose((2, 0, 3, 1, 4))
        q, k, v = parts[0] * self.scale, parts[1], parts[2]  # (batch, heads, length, width)
        p = self.softmax(self.product_b(q, k) + bias)  # (batch, heads, length, length)
        context = self.product(p * factors, v).transpose((0, 2, 1, 3))
        return context.reshape((batch * length, self.heads * self.width)), p, q, k, v

    def bprop(self, qkv: Any, bias: Any, factors: Any, batch: Any, length: Any, out: Any, dout: Any) -> Any:
        """The gradient of qkv; bias and factors have none."""
        p, q, k, v = out[1], out[2], out[3], out[4]
        d = dout[0].reshape((batch, length, self.heads, self.width)).transpose((0, 2, 1, 3))
        dv = self.product_a(p * factors, d)
        dp = self.product_b(d, v) * factors
        ds = (dp - self.sum(dp * p, -1)) * p
        dq = self.product(ds, k) * self.scale
        dk = self.product_a(ds, q)
        stacked = ops.stack((dq, dk, dv), 0).transpose((1, 3, 0, 2, 4))
        return stacked.reshape((batch * length, 3 * self.heads * self.width)), bias, factors, batch, length


class Embed(nn.Cell):  # type: ignore[misc]
    """Rows of a table by id, with a dense gradient.

    Args:
        rows: Of the table.
    """

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows = rows
        self.gather = ops.Gather()
        self.scatter = ops.UnsortedSegmentSum()

    def construct(self, table: Any, ids: Any) -> Any:
        """(n, width) for ids (n)."""
        return self.gather(table, ids, 0)

    def bprop(self, table: Any, ids: Any, out: Any, dout: Any) -> Any:
        """The gradient of the table."""
        return self.scatter(dout, ids, self.rows), ids


# What each is called and built with; a device's own operators have the same names and arguments.
PLAIN: Mapping[str, Any] = {
    "linear": Linear,
    "gelu": Gelu,
    "layer_norm": LayerNorm,
    "attention": Attention,
    "embed": Embed,
}
