"""Ascend's flash attention as an operator of the model. Never run on an Ascend; tested with a stand-in."""

from __future__ import annotations

from typing import Any

import mindspore as ms
from mindspore import nn
from mindspore.ops.auto_generate import FlashAttentionScore, FlashAttentionScoreGrad

EVERYWHERE = 2147483647  # tokens before and after: the mask alone hides
MOST_HEADS = 256
MOST_WIDTH = 512
DTYPES = ("float16", "bfloat16")


class FlashAttention(nn.Cell):  # type: ignore[misc]
    """Attention that never holds a whole matrix of scores (Dao et al. 2022), by CANN's operator.

    Its limits and its arguments are those of `FlashAttentionScore` in MindSpore 2.10, its way back takes what
    MindSpore's own gradient of it takes. Atlas A2 and A3 have the operator; the 910A does not.

    Args:
        heads: How many.
        width: Of one head.
        compute_dtype: What it computes in.
    """

    def __init__(self, heads: int, width: int, compute_dtype: str) -> None:
        super().__init__()
        how = {
            "keep_prob": 1.0,
            "scale_value": width**-0.5,
            "pre_tokens": EVERYWHERE,
            "next_tokens": EVERYWHERE,
            "inner_precise": 0,
            "input_layout": "BSH",
            "sparse_mode": 0,
        }
        self.dtype = getattr(ms, compute_dtype)
        self.forward = FlashAttentionScore(heads, **how)
        self.back = FlashAttentionScoreGrad(heads, **how)

    @staticmethod
    def fits(heads: int, width: int, compute_dtype: str) -> bool:
        """Whether the operator can: it has no float32, and wants heads of a multiple of 16."""
        return compute_dtype in DTYPES and heads <= MOST_HEADS and width <= MOST_WIDTH and width % 16 == 0

    def construct(self, q: Any, k: Any, v: Any, mask: Any) -> Any:
        """The context vectors (batch, length, heads * width), float32, and what the way back needs.

        Args:
            q: Queries (batch, length, heads * width), float32; k and v are keys and values.
            k: See q.
            v: See q.
            mask: (batch, 1, length, length), True where a key is hidden.
        """
        q, k, v = q.astype(self.dtype), k.astype(self.dtype), v.astype(self.dtype)
        largest, total, unused, context = self.forward(q, k, v, None, None, None, mask)
        return context.astype(ms.float32), largest, total, unused, context

    def bprop(self, q: Any, k: Any, v: Any, mask: Any, out: Any, dout: Any) -> Any:
        """Gradients of q, k and v; the mask is a constant."""
        q, k, v = q.astype(self.dtype), k.astype(self.dtype), v.astype(self.dtype)
        d = dout[0].astype(self.dtype)
        gradients = self.back(q, k, v, d, None, None, None, mask, out[1], out[2], out[3], out[4])
        dq, dk, dv = gradients[0], gradients[1], gradients[2]
        return dq.astype(ms.float32), dk.astype(ms.float32), dv.astype(ms.float32), mask
