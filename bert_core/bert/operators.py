"""The operators that the encoder calls, in plain MindSpore; a device may bring its own of the same names.

Each states its own backward pass, and none broadcasts: on CPU a broadcasting product, a sum over the last
axis and a transposition of heads go through an iterator, element by element, at a tenth of the speed of
the same work on equal shapes. So rows are spread by a product with a vector of ones, and heads are split off
as columns and laid one behind the other.

They call MindSpore's primitives: `ops.relu`, `ops.arange` and other functions that are written in Python do not compile
where a layer is recomputed ("func graph is empty", MindSpore 2.10).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from mindspore import Tensor, nn, ops

from .activations import Gelu, QuickGelu, Relu, Tanh, TanhGelu
from .attention import Attention, RelativeAttention
from .products import product


class Linear(nn.Cell):  # type: ignore[misc]
    """x (n, in) times w (out, in) transposed, plus b (out).

    Args:
        compute_dtype: Of the products; see `products`.
    """

    def __init__(self, compute_dtype: str = "float32") -> None:
        super().__init__()
        self.forward = product(ops.MatMul(transpose_b=True), compute_dtype)
        self.back = product(ops.MatMul(), compute_dtype)
        self.weight_back = product(ops.MatMul(transpose_a=True), compute_dtype)
        self.add = ops.BiasAdd()
        self.sum = ops.ReduceSum()

    def construct(self, x: Any, w: Any, b: Any) -> Any:
        """(n, out)."""
        return self.add(self.forward(x, w), b)

    def bprop(self, x: Any, w: Any, b: Any, out: Any, dout: Any) -> Any:
        """Gradients of x, w and b."""
        return self.back(dout, w), self.weight_back(dout, x), self.sum(dout, 0)


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


# What each is called; activations by Hugging Face's words. A device's own operators have the same names and arguments.
PLAIN: Mapping[str, Any] = {
    "linear": Linear,
    "gelu": Gelu,
    "gelu_new": TanhGelu,
    "quick_gelu": QuickGelu,
    "relu": Relu,
    "tanh": Tanh,
    "layer_norm": LayerNorm,
    "attention": Attention,
    "relative_attention": RelativeAttention,
    "embed": Embed,
}
# Those that multiply matrices: each is built with the compute dtype after its other arguments.
MULTIPLYING = frozenset({"linear", "attention", "relative_attention"})
