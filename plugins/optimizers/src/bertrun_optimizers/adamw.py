"""AdamW as one cell over all parameter groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mindspore import ops

from bert_core import ParameterGroup

from .moments import Moments
from .options import AdamWOptions


class AdamW(Moments):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2).

    m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g g
    p = p - rate (m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) + decay p)

    Without bias correction it is AdamWeightDecay of Google's BERT (optimization.py) and of the reference.

    MindSpore's Adam kernel adds epsilon before it corrects the second moment, and loses digits in 1 - b^t.
    So its own correction is switched off (powers of zero), and with c1 = 1 - b1^t and c2 = 1 - b2^t it is
    given the rate  rate sqrt(c2) / c1  and the epsilon  eps sqrt(c2), which is the update above.

    Args:
        options: Adam's constants.
        groups: What is updated, and how.
        notes: What was decided before, for who runs it.
    """

    def __init__(self, options: AdamWOptions, groups: Sequence[ParameterGroup], *, notes: Sequence[str] = ()) -> None:
        super().__init__(options, groups, notes=notes)
        self.adam = ops.Adam()

    def construct(self, gradients: Any, rate: Any, number: Any) -> Any:
        """Update every parameter once; gradients in the order of the groups."""
        correction1 = self.correction(self.log_beta1, number)
        root2 = ops.sqrt(self.correction(self.log_beta2, number))
        constants = ops.zeros_like(rate), rate * root2 / correction1, self.beta1, self.beta2, self.epsilon * root2
        gradients = self.decayed(rate, gradients)
        update = ops.partial(_update, self.adam, constants)
        updated = self.each(update, self.rates, self.parameters, self.first, self.second, gradients)
        return ops.depend(rate, updated)


def _update(adam: Any, constants: Any, multiple: Any, parameter: Any, first: Any, second: Any, gradient: Any) -> Any:
    none, step, beta1, beta2, epsilon = constants
    return adam(parameter, first, second, none, none, step * multiple, beta1, beta2, epsilon, gradient)
