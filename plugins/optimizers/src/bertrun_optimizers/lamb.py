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
        scale, epsilon = root2 / correction1, self.epsilon * root2
        done = rate
        for index in range(len(self.parameters)):
            parameter = self.parameters[index]
            update = self._direction(index, gradients[index], scale, epsilon)
            step = rate * self.rates[index]
            if self.adapted[index]:
                step = step * self._ratio(parameter, update)
            done = ops.depend(done, self.subtract(parameter, step, update))
        return done

    def _direction(self, index: int, gradient: Any, scale: Any, epsilon: Any) -> Any:
        """Adam's step and the decay; sets the moments."""
        first = self.first[index] * self.beta1 + gradient * (1 - self.beta1)
        second = self.second[index] * self.beta2 + ops.square(gradient) * (1 - self.beta2)
        direction = first * scale / (ops.sqrt(second) + epsilon)
        if self.decays[index] > 0:
            direction = direction + self.parameters[index] * self.decays[index]
        kept = ops.assign(self.first[index], first), ops.assign(self.second[index], second)
        return ops.depend(direction, kept)

    def _ratio(self, parameter: Any, update: Any) -> Any:
        norm = ops.maximum(ops.sqrt(2.0 * self.half_square(parameter)), self.least)
        if self.greatest is not None:
            norm = ops.minimum(norm, self.greatest)
        length = ops.sqrt(2.0 * self.half_square(update))
        whole = ops.logical_and(norm > 0, length > 0)
        return ops.select(whole, norm / ops.select(whole, length, ops.ones_like(length)), ops.ones_like(norm))
