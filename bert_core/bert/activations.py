"""The activations, by Hugging Face's names: each gives its value first.

Each form of GELU is a product x * s(x) with a sigmoid, which on CPU takes a third of the time of an error function or a
hyperbolic tangent, and keeps s(x) for the way back.
"""

from __future__ import annotations

from typing import Any

from mindspore import nn, ops

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
# (1 + tanh(u)) / 2 = sigmoid(2 u), and 2 u = x * (2 sqrt(2/pi) + 2 sqrt(2/pi) 0.044715 x^2).
_TANH = (1.5957691216057308, 0.07135481627260025)
_QUICK = 1.702


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


class TanhGelu(nn.Cell):  # type: ignore[misc]
    """GELU by a hyperbolic tangent, x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))), of the same paper.

    Google's BERT and the ModelZoo's, where it is called `gelu`, are trained with it.
    """

    def construct(self, x: Any) -> Any:
        """The value, and (1 + tanh) / 2 for the way back."""
        share = ops.sigmoid((x * x * _TANH[1] + _TANH[0]) * x)
        return x * share, share

    def bprop(self, x: Any, out: Any, dout: Any) -> Any:
        """s + x s (1 - s) times the slope of the sigmoid's argument."""
        value, share = out
        slope = x * x * (3.0 * _TANH[1]) + _TANH[0]
        return ((value * (1.0 - share) * slope + share) * dout[0],)


class QuickGelu(nn.Cell):  # type: ignore[misc]
    """x * sigmoid(1.702 x), of the same paper; MindSpore and the ModelZoo call it `fast_gelu`."""

    def construct(self, x: Any) -> Any:
        """The value, and the sigmoid for the way back."""
        share = ops.sigmoid(x * _QUICK)
        return x * share, share

    def bprop(self, x: Any, out: Any, dout: Any) -> Any:
        """s + 1.702 x s (1 - s)."""
        value, share = out
        return ((value * (1.0 - share) * _QUICK + share) * dout[0],)


class Relu(nn.Cell):  # type: ignore[misc]
    """x where it is positive, else 0."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = ops.ReLU()

    def construct(self, x: Any) -> Any:
        """The value, alone."""
        return (self.relu(x),)

    def bprop(self, x: Any, out: Any, dout: Any) -> Any:
        """1 where x is positive, else 0."""
        return ((x > 0).astype(x.dtype) * dout[0],)


class Tanh(nn.Cell):  # type: ignore[misc]
    """The hyperbolic tangent, by an exponential: MindSpore's own is off by up to 1e-4 on CPU (2.10, near 5)."""

    def construct(self, x: Any) -> Any:
        """The value, alone."""
        return (2.0 / (ops.exp(x * -2.0) + 1.0) - 1.0,)

    def bprop(self, x: Any, out: Any, dout: Any) -> Any:
        """1 - tanh(x)^2."""
        return ((1.0 - out[0] * out[0]) * dout[0],)
