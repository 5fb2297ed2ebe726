"""What looks wrong while a run trains, said once in a sentence."""

from __future__ import annotations

from collections.abc import Iterator

from bert_core.types import StepRecord

_MANY = 100  # updates after which it is no chance that all of them were clipped
_WINDOW = 50  # updates whose mean loss is compared
_MOVED = 0.99  # of the loss at the beginning


class Guards:
    """Looks at each step, and says each doubt once.

    Args:
        clip_norm: Longest gradient; 0 does not clip.
    """

    def __init__(self, *, clip_norm: float) -> None:
        self._clip_norm = clip_norm
        self._updates = 0
        self._all_clipped = clip_norm > 0
        self._first: list[float] = []
        self._last: list[float] = []

    def after(self, record: StepRecord) -> Iterator[str]:
        """Sentences about the updates up to this one."""
        if record.skipped:
            return
        self._updates += 1
        self._all_clipped = self._all_clipped and record.grad_norm > self._clip_norm
        if self._all_clipped and self._updates == _MANY:
            yield (
                f"each of the first {_MANY} gradients was cut to --clip-norm {self._clip_norm:g}, the last one from "
                f"{record.grad_norm:.3g}: the updates have one length, whatever the loss says. Raise --clip-norm"
            )
        yield from self._unmoved(record.loss)

    def _unmoved(self, loss: float) -> Iterator[str]:
        window = self._first if len(self._first) < _WINDOW else self._last
        window.append(loss)
        if self._updates != 4 * _WINDOW:
            return
        before, now = sum(self._first) / _WINDOW, sum(self._last[-_WINDOW:]) / _WINDOW
        self._last.clear()
        if now > _MOVED * before:
            yield (
                f"the loss has not moved: {before:.4f} over the first {_WINDOW} updates, {now:.4f} over the last "
                f"{_WINDOW} of {4 * _WINDOW}. Try another --learning-rate, or look at the data: `bertrun data check`"
            )


def rate_beyond(name: str, rates: tuple[float, float] | None, learning_rate: float) -> str:
    """A sentence where a learning rate is not one that an optimizer is used with, else nothing.

    Args:
        name: Of the optimizer.
        rates: The least and the greatest that it is used with; None where nobody says.
        learning_rate: The highest of the run.
    """
    if rates is None or rates[0] <= learning_rate <= rates[1]:
        return ""
    below = learning_rate < rates[0]
    side, fear = ("below", "hardly move") if below else ("above", "not fall")
    span = f"{rates[0]:g} to {rates[1]:g}"
    return f"--learning-rate {learning_rate:g} is {side} what '{name}' is used with, {span}; the loss may {fear}"
