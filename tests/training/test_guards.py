"""What looks wrong is said once, and what is right is not."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from bert_core.training.guards import Guards, rate_beyond
from bert_core.types import StepRecord


def said(losses: Iterable[float], norms: Iterable[float], *, clip_norm: float = 1.0, skipped: bool = False) -> str:
    guards = Guards(clip_norm=clip_norm)
    lines: list[str] = []
    for step, (loss, norm) in enumerate(zip(losses, norms, strict=True), 1):
        record = StepRecord(
            step=step, epoch=0.0, loss=loss, learning_rate=1e-3, grad_norm=norm, tokens=1, seconds=1.0, skipped=skipped
        )
        lines += guards.after(record)
    return "\n".join(lines)


FALLING = [2.0 - 0.001 * step for step in range(1000)]


def test_a_run_that_learns_is_not_doubted() -> None:
    assert said(FALLING, [0.5] * 1000) == ""


def test_a_loss_that_does_not_move_is_said_once() -> None:
    line = said([0.6931] * 1000, [0.5] * 1000)
    assert line.startswith("the loss has not moved: 0.6931 over the first 50 updates, 0.6931 over the last 50 of 200.")
    assert "\n" not in line


def test_a_run_of_fewer_updates_is_not_judged() -> None:
    assert said([0.6931] * 199, [0.5] * 199) == ""


def test_gradients_that_are_all_clipped_are_said_once() -> None:
    line = said(FALLING, [7.25] * 1000)
    assert line.startswith("each of the first 100 gradients was cut to --clip-norm 1, the last one from 7.25:")
    assert "\n" not in line


def test_one_that_is_not_clipped_is_enough() -> None:
    assert said(FALLING, [7.25] * 98 + [0.9] + [7.25] * 901) == ""


def test_without_clipping_nothing_is_said_of_it() -> None:
    assert said(FALLING, [7.25] * 1000, clip_norm=0.0) == ""


def test_steps_that_overflowed_are_no_updates() -> None:
    assert said([float("inf")] * 1000, [float("inf")] * 1000, skipped=True) == ""


@pytest.mark.parametrize(
    ("rate", "what"),
    [(1e-9, "is below what 'adamw'"), (0.5, "is above what 'adamw'"), (5e-5, ""), (1e-7, ""), (1e-2, "")],
)
def test_a_learning_rate_beyond_the_optimizers_is_said(rate: float, what: str) -> None:
    line = rate_beyond("adamw", (1e-7, 1e-2), rate)
    assert (what in line) if what else line == ""


def test_an_optimizer_that_names_no_rates_has_none_beyond_them() -> None:
    assert rate_beyond("other", None, 1e9) == ""
