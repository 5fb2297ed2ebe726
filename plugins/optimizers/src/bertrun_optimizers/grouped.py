"""The parameters of all groups in a row, each with its own decay and rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mindspore import ParameterTuple, nn, ops

from bert_core import ParameterGroup


class Grouped(nn.Cell):  # type: ignore[misc]
    """What every optimizer here begins with.

    Args:
        groups: What is updated, and how.
    """

    def __init__(self, groups: Sequence[ParameterGroup]) -> None:
        super().__init__()
        self.parameters = ParameterTuple([p for group in groups for p in group.parameters])
        self.decays = tuple(group.weight_decay for group in groups for _ in group.parameters)
        self.rates = tuple(group.rate for group in groups for _ in group.parameters)
        self.shrink = ops.ApplyGradientDescent()  # p - rate * p, in place: a third of the time of an assignment

    def decayed(self, index: int, rate: Any, gradient: Any) -> Any:
        """The gradient, to be used only after the parameter has lost  rate * decay  of itself."""
        if self.decays[index] > 0:
            decay = rate * (self.rates[index] * self.decays[index])
            gradient = ops.depend(gradient, self.shrink(self.parameters[index], decay, self.parameters[index]))
        return gradient
