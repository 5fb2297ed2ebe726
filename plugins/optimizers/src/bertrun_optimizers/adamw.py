"""AdamW as one cell over all parameter groups."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mindspore import ParameterTuple, nn, ops

from bert_core import ParameterGroup

from .plugin import AdamWOptions


class AdamW(nn.Cell):  # type: ignore[misc]
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2).

    m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g g
    p = p - rate (m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) + decay p)

    MindSpore's fused kernel has no bias correction. It is put into the kernel's arguments: with
    c = sqrt(1 - b2^t) the same update has the rate  rate c / (1 - b1^t),  the epsilon  eps c  and the decay
    decay (1 - b1^t) / c.

    Args:
        options: Adam's constants.
        groups: What is updated, and how.
    """

    def __init__(self, options: AdamWOptions, groups: Sequence[ParameterGroup]) -> None:
        super().__init__()
        self.parameters = ParameterTuple([p for group in groups for p in group.parameters])
        self.first = self.parameters.clone("first_moment", "zeros")
        self.second = self.parameters.clone("second_moment", "zeros")
        self.decays = tuple(group.weight_decay for group in groups for _ in group.parameters)
        self.rates = tuple(group.rate for group in groups for _ in group.parameters)
        self.beta1 = options.beta1
        self.beta2 = options.beta2
        self.log_beta1 = math.log(options.beta1) if options.beta1 else -math.inf
        self.log_beta2 = math.log(options.beta2) if options.beta2 else -math.inf
        self.epsilon = options.epsilon
        self.corrected = options.bias_correction
        self.fused = ops.AdamWeightDecay()

    def construct(self, gradients: Any, rate: Any, number: Any) -> Any:
        """Update every parameter once; gradients in the order of the groups."""
        correction1 = self._correction(self.log_beta1, number)
        root2 = ops.sqrt(self._correction(self.log_beta2, number))
        step = rate * root2 / correction1
        epsilon = self.epsilon * root2
        done = rate
        for index in range(len(self.parameters)):
            decay = self.decays[index] * correction1 / root2
            updated = self.fused(
                self.parameters[index],
                self.first[index],
                self.second[index],
                step * self.rates[index],
                self.beta1,
                self.beta2,
                epsilon,
                decay,
                gradients[index],
            )
            done = ops.depend(done, updated)
        return done

    def _correction(self, log_beta: float, number: Any) -> Any:
        """1 - beta^t, exact also where beta is near 1."""
        return -ops.expm1(number * log_beta) if self.corrected else ops.ones_like(number)
