"""The operators that the encoder calls, in plain MindSpore; a device may bring its own of the same names.

Each states its own backward pass, and none broadcasts: on CPU a broadcasting product, a sum over the last
axis and a transposition of heads go through an iterator, element by element, at a tenth of the speed of
the same work on equal shapes. So rows are spread by a product with a vector of ones, and heads are split off
as columns and laid one behind the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from mindspore import Tensor, nn, ops

# x * Phi(x) = x * sigmoid(x * Q(x^2)): Q is a minimax polynomial, found by minimising the largest error of
# the product in float32; it stays below 6e-7 for every x. MindSpore's own erf form takes three times as long.
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
        self.add = ops.BiasAdd()
        self.sum = ops.ReduceSum()

    def construct(self, x: Any, w: Any, b: Any) -> Any:
        """(n, out)."""
        return self.add(self.forward(x, w), b)

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
    """Layer normalisation over the last axis of (n, width) (Ba et al. 2016).

    Args:
        epsilon: Added to the variance.
        width: Of a row.
    """

    def __init__(self, epsilon: float, width: int) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.mean = Tensor(np.full((width, 1), 1.0 / width, np.float32))
        self.spread = Tensor(np.ones((1, width), np.float32))
        self.product = ops.MatMul()
        self.add = ops.BiasAdd()
        self.sum = ops.ReduceSum()

    def construct(self, x: Any, weight: Any, bias: Any) -> Any:
        """The value, and for the way back the normalised x, the weight and 1 / deviation, all (n, width)."""
        mean = self.product(x, self.mean)  # (n, 1)
        centred = x - self.product(mean, self.spread)
        variance = self.product(centred * centred, self.mean)  # (n, 1)
        scale = self.product(ops.rsqrt(variance + self.epsilon), self.spread)
        xhat = centred * scale
        ones = mean * 0.0 + 1.0  # ones_like in a cell with its own bprop does not compile (MindSpore 2.10)
        rows = self.product(ones, weight.reshape((1, -1)))
        return self.add(xhat * rows, bias), xhat, rows, scale

    def bprop(self, x: Any, weight: Any, bias: Any, out: Any, dout: Any) -> Any:
        """Gradients of x, weight and bias.

        With xhat the normalised x, d = dout * weight and means over a row:
        dx = (d - mean(d) - xhat * mean(d * xhat)) / deviation.
        """
        xhat, rows, scale = out[1], out[2], out[3]
        dy = dout[0]
        d = dy * rows
        slope = dy * xhat
        mean = self.product(self.product(d, self.mean), self.spread)
        tilt = self.product(self.product(slope, weight.reshape((-1, 1)) * self.mean), self.spread)
        return (d - xhat * tilt - mean) * scale, self.sum(slope, 0), self.sum(dy, 0)


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
        self.columns = ops.Split(1, heads)
        self.rows = ops.Split(0, heads)
        self.beneath = ops.Concat(0)
        self.beside = ops.Concat(1)
        self.product = ops.BatchMatMul()
        self.product_b = ops.BatchMatMul(transpose_b=True)
        self.product_a = ops.BatchMatMul(transpose_a=True)

    def split(self, x: Any, batch: Any, length: Any) -> Any:
        """(heads, batch, length, width) from (batch * length, heads * width)."""
        if self.heads == 1:
            return x.reshape((1, batch, length, self.width))
        return self.beneath(self.columns(x)).reshape((self.heads, batch, length, self.width))

    def join(self, x: Any) -> Any:
        """(batch * length, heads * width) from (heads, batch, length, width)."""
        flat = x.reshape((-1, self.width))
        return flat if self.heads == 1 else self.beside(self.rows(flat))

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
        ds = self.product_b(d, v) * dropped - p * self.product_b(own, ops.ones_like(k))
        dq = self.join(self.product(ds, k)) * self.scale
        dk = self.join(self.product_a(ds, q))
        dv = self.join(self.product_a(dropped, d))
        return dq, dk, dv, bias, factors, batch, length


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
