"""What the device computes in its own way."""

from __future__ import annotations

from mindspore import nn, ops

MADE = []


class Counted(nn.Cell):
    """x where it is positive, else 0; it is kept that one was made."""

    def __init__(self):
        super().__init__()
        MADE.append(self)

    def construct(self, x):
        return (ops.maximum(x, 0.0 * x),)

    def bprop(self, x, out, dout):
        return ((x > 0).astype(x.dtype) * dout[0],)
