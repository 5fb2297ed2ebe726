"""The parameters of all groups in a row, each with its own decay and rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mindspore import ParameterTuple, nn, ops

from bert_core import ParameterGroup


class Grouped(nn.Cell):  # type: ignore[misc]
    """What every optimizer here begins with.

    What is done to each parameter goes by `each`: the compiler unrolls a loop as calls within calls, and those of
    the 200 parameters of BERT-base are more than it allows (1000 in all).

    Args:
        groups: What is updated, and how.
    """

    def __init__(self, groups: Sequence[ParameterGroup]) -> None:
        super().__init__()
        self.parameters = ParameterTuple([p for group in groups for p in group.parameters])
        self.decays = tuple(group.weight_decay for group in groups for _ in group.parameters)
        self.rates = tuple(group.rate for group in groups for _ in group.parameters)
        self.shares = tuple(decay * rate for decay, rate in zip(self.decays, self.rates, strict=True))
        self.each = ops.HyperMap()
        self.shrink = ops.ApplyGradientDescent()  # p - rate * p, in place: a third of the time of an assignment

    def decayed(self, rate: Any, gradients: Any) -> Any:
        """The gradients, each to be used only after its parameter has lost  rate * decay  of itself."""
        return self.each(ops.partial(_decay, self.shrink, rate), self.shares, self.parameters, gradients)


def _decay(shrink: Any, rate: Any, share: Any, parameter: Any, gradient: Any) -> Any:
    if share > 0:
        gradient = ops.depend(gradient, shrink(parameter, rate * share, parameter))
    return gradient
