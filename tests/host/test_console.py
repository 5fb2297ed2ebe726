"""What is printed of a step."""

from __future__ import annotations

from bert_core.cli.console import Console
from bert_core.types import StepRecord


def line(console: Console, step: int, seconds: float, total: int = 100) -> str:
    record = StepRecord(step=step, epoch=1.0, loss=0.5, learning_rate=1e-3, grad_norm=1.0, tokens=200, seconds=seconds)
    return console.step(record, total, due=False)


def test_the_first_step_which_compiles_says_nothing_of_the_time_that_is_left() -> None:
    console = Console(quiet=True, json=False)
    assert line(console, 1, 20.0).endswith("  10 tokens/s")
    assert line(console, 2, 1.0).endswith("  200 tokens/s  ETA 1:38")


def test_the_time_that_is_left_is_of_the_mean_of_the_last_steps() -> None:
    console = Console(quiet=True, json=False)
    line(console, 1, 20.0)
    line(console, 2, 1.0)
    assert line(console, 3, 3.0, 103).endswith("ETA 3:20")
    for step in range(4, 54):
        last = line(console, step, 0.5, 153)
    assert last.endswith("ETA 0:50")
