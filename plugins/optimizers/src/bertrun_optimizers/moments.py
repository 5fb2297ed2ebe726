"""The two moments of Adam's family, and the correction of their start at zero."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from mindspore import ops

from bert_core import ParameterGroup

from .grouped import Grouped
from .options import AdamOptions


class Moments(Grouped):
    """The moments of every parameter, zero at first.

    Args:
        options: Adam's constants.
        groups: What is updated, and how.
        notes: What was decided before, for who runs it.
    """

    def __init__(self, options: AdamOptions, groups: Sequence[ParameterGroup], *, notes: Sequence[str] = ()) -> None:
        super().__init__(groups)
        self.notes = notes
        self.first = self.parameters.clone("first_moment", "zeros")
        self.second = self.parameters.clone("second_moment", "zeros")
        # The kernels take 1 - b from the float32 next to b, and the corrections must go by the same number.
        self.beta1 = float(np.float32(options.beta1))
        self.beta2 = float(np.float32(options.beta2))
        self.log_beta1 = math.log(self.beta1) if self.beta1 else -math.inf
        self.log_beta2 = math.log(self.beta2) if self.beta2 else -math.inf
        self.epsilon = options.epsilon
        self.corrected = options.bias_correction

    def correction(self, log_beta: float, number: Any) -> Any:
        """1 - beta^t, exact also where beta is near 1; 1 where nothing is corrected."""
        return -ops.expm1(number * log_beta) if self.corrected else ops.ones_like(number)
