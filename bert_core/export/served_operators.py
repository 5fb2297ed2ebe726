"""The encoder's operators as other programs expect to find them, so that they can put their own in their place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mindspore import nn, ops


class Gelu(nn.Cell):  # type: ignore[misc]
    """The exact GELU with erf (Hendrycks and Gimpel 2016)."""

    def construct(self, x: Any) -> Any:
        """The value, and nothing for the way back."""
        return x * 0.5 * (ops.erf(x / 2.0**0.5) + 1.0), None


class LayerNorm(nn.Cell):  # type: ignore[misc]
    """Layer normalisation over the last axis (Ba et al. 2016).

    Args:
        epsilon: Added to the variance.
        width: Of a row.
    """

    def __init__(self, epsilon: float, width: int) -> None:
        super().__init__()
        self.norm = ops.LayerNorm(begin_norm_axis=-1, begin_params_axis=-1, epsilon=epsilon)

    def construct(self, x: Any, weight: Any, bias: Any) -> Any:
        """The value, and nothing for the way back."""
        return self.norm(x, weight, bias)[0], None


class Attention(nn.Cell):  # type: ignore[misc]
    """Scaled dot-product attention of many heads (Vaswani et al. 2017).

    Args:
        heads: How many.
        width: Of one head.
        compute_dtype: Not used: what is served computes in float32.
    """

    def __init__(self, heads: int, width: int, compute_dtype: str = "float32") -> None:
        super().__init__()
        self.heads = heads
        self.width = width
        self.softmax = ops.Softmax(-1)
        self.product = ops.BatchMatMul()

    def split(self, x: Any, batch: Any, length: Any, order: Any) -> Any:
        """(batch * length, heads * width) with these of the axes (batch, length, heads, width) in order."""
        return ops.transpose(x.reshape((batch, length, self.heads, self.width)), order)

    def construct(self, q: Any, k: Any, v: Any, bias: Any, factors: Any, batch: Any, length: Any) -> Any:
        """The context vectors, and nothing for the way back; see `bert_core.bert.operators.Attention`."""
        scores = self.product(self.split(q, batch, length, (2, 0, 1, 3)), self.split(k, batch, length, (2, 0, 3, 1)))
        p = self.softmax(scores * self.width**-0.5 + bias)  # (heads, batch, length, length)
        context = self.product(p, self.split(v, batch, length, (2, 0, 1, 3)))
        return ops.transpose(context, (1, 2, 0, 3)).reshape((batch * length, self.heads * self.width)), None


SERVED: Mapping[str, Any] = {"gelu": Gelu, "layer_norm": LayerNorm, "attention": Attention}
