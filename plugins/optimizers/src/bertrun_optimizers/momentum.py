"""Gradient descent with momentum, and without, over all parameter groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mindspore import ops

from bert_core import ParameterGroup

from .grouped import Grouped
from .options import MomentumOptions


class Momentum(Grouped):
    """v = momentum v + g;  p = p - rate (v + decay p), with v zero at first, as the reference's Momentum has it.

    Args:
        options: The momentum.
        groups: What is updated, and how.
    """

    def __init__(self, options: MomentumOptions, groups: Sequence[ParameterGroup]) -> None:
        super().__init__(groups)
        self.velocity = self.parameters.clone("velocity", "zeros")
        self.momentum = options.momentum
        self.move = ops.ApplyMomentum()

    def construct(self, gradients: Any, rate: Any, number: Any) -> Any:
        """Update every parameter once; gradients in the order of the groups."""
        done = ops.depend(rate, number)
        for index in range(len(self.parameters)):
            gradient = self.decayed(index, rate, gradients[index])
            step = rate * self.rates[index]
            moved = self.move(self.parameters[index], self.velocity[index], step, gradient, self.momentum)
            done = ops.depend(done, moved)
        return done


class GradientDescent(Grouped):
    """p = p - rate (g + decay p)."""

    def construct(self, gradients: Any, rate: Any, number: Any) -> Any:
        """Update every parameter once; gradients in the order of the groups."""
        done = ops.depend(rate, number)
        for index in range(len(self.parameters)):
            gradient = self.decayed(index, rate, gradients[index])
            done = ops.depend(done, self.shrink(self.parameters[index], rate * self.rates[index], gradient))
        return done
