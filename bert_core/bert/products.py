"""Matrix products in the type that a run computes them in.

The compute dtype is that of the products in `linear`, `attention` and `relative_attention`, there and back: their
factors are rounded to it, and their results are made float32 again. All else is float32: parameters and their
gradients, embeddings, sums of residuals, biases, layer norms (also the products with which they spread and average
rows), softmax, dropout, activations, the tasks' heads but for their `linear`, losses and updates.

float16 is tested on CPU, where MindSpore 2.10 multiplies it and not bfloat16: that has run on no device yet.
"""

from __future__ import annotations

from typing import Any

import mindspore as ms
from mindspore import nn


class Rounded(nn.Cell):  # type: ignore[misc]
    """A product whose factors are rounded first.

    Args:
        operator: The product of two tensors.
        compute_dtype: What it is computed in.
    """

    def __init__(self, operator: Any, compute_dtype: str) -> None:
        super().__init__()
        self.operator = operator
        self.dtype = getattr(ms, compute_dtype)

    def construct(self, a: Any, b: Any) -> Any:
        """The product, float32."""
        return self.operator(a.astype(self.dtype), b.astype(self.dtype)).astype(ms.float32)


def product(operator: Any, compute_dtype: str) -> Any:
    """A product of two float32 tensors that is computed in a type; in float32 it is the operator itself."""
    return operator if compute_dtype == "float32" else Rounded(operator, compute_dtype)
