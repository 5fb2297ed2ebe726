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
        gradients = self.decayed(rate, gradients)
        move = ops.partial(_move, self.move, rate, self.momentum)
        return ops.depend(number, self.each(move, self.rates, self.parameters, self.velocity, gradients))


class GradientDescent(Grouped):
    """p = p - rate (g + decay p)."""

    def construct(self, gradients: Any, rate: Any, number: Any) -> Any:
        """Update every parameter once; gradients in the order of the groups."""
        gradients = self.decayed(rate, gradients)
        step = ops.partial(_step, self.shrink, rate)
        return ops.depend(number, self.each(step, self.rates, self.parameters, gradients))


def _move(move: Any, rate: Any, momentum: Any, multiple: Any, parameter: Any, velocity: Any, gradient: Any) -> Any:
    return move(parameter, velocity, rate * multiple, gradient, momentum)


def _step(subtract: Any, rate: Any, multiple: Any, parameter: Any, gradient: Any) -> Any:
    return subtract(parameter, rate * multiple, gradient)
