"""LAMB as one cell over all parameter groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mindspore import ops

from bert_core import ParameterGroup

from .moments import Moments
from .options import LambOptions


class Lamb(Moments):
    """Layer-wise adaptive moments (You et al. 2020, algorithm 2).

    m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g g
    u = m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) + decay p
    p = p - rate * phi(|p|) / |u| * u,  where  phi(z) = min(max(z, least), greatest)

    Where phi(|p|) or |u| is 0 the ratio is 1. Biases, norms and other vectors move by  rate * u  as in
    NVIDIA's FusedLAMB; the ModelZoo gives them a ratio too (`--adapt-vectors`).

    Args:
        options: Adam's constants, the bounds of phi, and whether vectors have a ratio.
        groups: What is updated, and how.
    """

    def __init__(self, options: LambOptions, groups: Sequence[ParameterGroup]) -> None:
        super().__init__(options, groups)
        self.adapted = tuple(p.ndim > 1 or options.adapt_vectors for p in self.parameters)
        self.least = options.least_norm
        self.greatest = options.greatest_norm
        self.half_square = ops.L2Loss()
        self.subtract = ops.ApplyGradientDescent()

    def construct(self, gradients: Any, rate: Any, number: Any) -> Any:
        """Update every parameter once; gradients in the order of the groups."""
        correction1 = self.correction(self.log_beta1, number)
        root2 = ops.sqrt(self.correction(self.log_beta2, number))
        constants = root2 / correction1, self.beta1, self.beta2, self.epsilon * root2
        direct = ops.partial(_direction, constants)
        updates = self.each(direct, self.decays, self.parameters, self.first, self.second, gradients)
        step = ops.partial(_step, self.subtract, self.half_square, (self.least, self.greatest), rate)
        return ops.depend(rate, self.each(step, self.adapted, self.rates, self.parameters, updates))


def _direction(constants: Any, decay: Any, parameter: Any, first: Any, second: Any, gradient: Any) -> Any:
    """Adam's step and the decay; sets the moments."""
    scale, beta1, beta2, epsilon = constants
    mean = first * beta1 + gradient * (1 - beta1)
    square = second * beta2 + ops.square(gradient) * (1 - beta2)
    direction = mean * scale / (ops.sqrt(square) + epsilon)
    if decay > 0:
        direction = direction + parameter * decay
    return ops.depend(direction, (ops.assign(first, mean), ops.assign(second, square)))


def _step(
    subtract: Any, half_square: Any, bounds: Any, rate: Any, adapted: Any, multiple: Any, parameter: Any, update: Any
) -> Any:
    step = rate * multiple
    if adapted:
        step = step * _ratio(half_square, bounds, parameter, update)
    return subtract(parameter, step, update)


def _ratio(half_square: Any, bounds: Any, parameter: Any, update: Any) -> Any:
    least, greatest = bounds
    norm = ops.maximum(ops.sqrt(2.0 * half_square(parameter)), least)
    if greatest is not None:
        norm = ops.minimum(norm, greatest)
    length = ops.sqrt(2.0 * half_square(update))
    whole = ops.logical_and(norm > 0, length > 0)
    return ops.select(whole, norm / ops.select(whole, length, ops.ones_like(length)), ops.ones_like(norm))
