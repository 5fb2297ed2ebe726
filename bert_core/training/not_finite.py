"""The end of a run whose numbers are no longer finite, and what it says."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from bert_core.errors import NumericsError
from bert_core.types import StepRecord

_NAMED = 3  # tensors in the sentence; the report has them all


class NotFiniteError(NumericsError):
    """The loss or the gradients of a step are not finite, or overflowed too often in a row.

    Args:
        record: The step.
        norms: The length of each parameter's gradient by name, those nearest to the loss first.
        examples: The numbers of the examples in its batch, from 0.
        in_a_row: How many steps overflowed one after the other; 0 where there is no loss scale.
    """

    def __init__(
        self, record: StepRecord, norms: Mapping[str, float], *, examples: Sequence[int], in_a_row: int
    ) -> None:
        self.report: dict[str, Any] = {
            "step": record.step,
            "epoch": record.epoch,
            "loss": _plain(record.loss),
            "grad_norm": _plain(record.grad_norm),
            "learning_rate": record.learning_rate,
            "loss_scale": record.loss_scale,
            "overflows_in_a_row": in_a_row,
            "examples": list(examples),
            "gradients": {name: _plain(norm) for name, norm in norms.items()},
        }
        odd = [name for name, norm in norms.items() if not math.isfinite(norm)]
        super().__init__(_sentence(record, in_a_row) + _tensors(odd, len(norms)), hint=_hint(in_a_row))


def _sentence(record: StepRecord, in_a_row: int) -> str:
    if in_a_row:
        return (
            f"step {record.step}: the gradients overflowed in {in_a_row} steps in a row, the last one "
            f"with loss scale {record.loss_scale:g} and loss {record.loss}"
        )
    return (
        f"step {record.step}: the loss is {record.loss} and the gradient's norm {record.grad_norm} "
        f"at learning rate {record.learning_rate:.2e}"
    )


def _tensors(odd: Sequence[str], count: int) -> str:
    """On the way back from the loss the first ones are where it began."""
    if not odd:
        return ""
    named = ", ".join([*odd[:_NAMED], *(["..."] if len(odd) > _NAMED else [])])
    return f"; of {count} tensors {len(odd)} have a gradient that is not finite, from the loss back {named}"


def _hint(in_a_row: int) -> str:
    if in_a_row:
        return "Lower --learning-rate, or compute in --compute-dtype float32"
    return "Lower --learning-rate, or look for broken examples among those that the report names"


def _plain(value: float) -> float | str:
    """A number that JSON has, else its name."""
    return value if math.isfinite(value) else str(value)
