"""A run that TensorBoard is told of, from its beginning to its end."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from bertrun_tensorboard.event_file import event_files, read
from bertrun_tensorboard.plugin import bertrun_register_trackers
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from bert_core import RunView, StepRecord

TABLES = MappingProxyType(
    {"run": MappingProxyType({"log_every": 2, "track": ("tensorboard",)}), "task": {"name": "ner"}}
)


def run_of(folder: Path, before: int = 0) -> RunView:
    return RunView(folder=folder, tables=TABLES, total_steps=7, steps_before=before)


def go(folder: Path, before: int = 0, until: int = 7, ends: bool = True) -> None:
    """A start of a run of 7 steps, scored each 3: from one step to another, with its end or without."""
    (spec,) = bertrun_register_trackers()
    tracker: Any = spec.build(spec.options())
    run = run_of(folder, before)
    tracker.bertrun_on_run_begin(run)
    for number in range(before + 1, until + 1):
        step = StepRecord(
            step=number, epoch=number / 3, loss=1 / number, learning_rate=1e-3, grad_norm=2.0, tokens=100, seconds=0.5
        )
        tracker.bertrun_on_step_end(run, step)
        if number % 3 == 0:
            tracker.bertrun_on_eval_end({"f1": number / 10}, number, False)
    if ends:
        tracker.bertrun_on_eval_end({"f1": 0.6}, 6, True)
        tracker.bertrun_on_run_end()


def points(folder: Path, tag: str) -> list[tuple[int, float]]:
    """A curve as TensorBoard shows it, and as each event stands in the files."""
    found = EventAccumulator(str(folder / "tensorboard")).Reload()
    shown = [(one.step, round(one.value, 4)) for one in found.Scalars(tag)]
    stored = [
        (event.step, round(value.simple_value, 4))
        for path in event_files(folder / "tensorboard")
        for event in read(path)
        for value in event.summary.value
        if value.tag == tag
    ]
    assert shown == stored
    return shown


LOSSES = [(1, 1.0), (2, 0.5), (4, 0.25), (6, 0.1667), (7, 0.1429)]


def test_a_run_is_there_by_step(tmp_path: Path) -> None:
    go(tmp_path)
    assert points(tmp_path, "train/loss") == LOSSES
    assert points(tmp_path, "train/tokens_per_s") == [(step, 200.0) for step, _ in LOSSES]
    assert points(tmp_path, "eval/f1") == [(3, 0.3), (6, 0.6)]
    assert points(tmp_path, "final/f1") == [(6, 0.6)]


def test_the_options_are_a_text_for_each_owner(tmp_path: Path) -> None:
    go(tmp_path)
    found = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert sorted(found.Tags()["tensors"]) == ["options/run", "options/task"]
    (text,) = found.Tensors("options/run")[0].tensor_proto.string_val
    assert "| log_every | 2 |" in text.decode()


@pytest.mark.parametrize(("until", "before"), [(5, 3), (6, 6), (2, 0), (7, 7)])
def test_a_run_that_goes_on_has_each_step_once(tmp_path: Path, until: int, before: int) -> None:
    go(tmp_path, until=until, ends=until == 7)
    go(tmp_path, before=before)
    assert points(tmp_path, "train/loss") == LOSSES
    assert points(tmp_path, "eval/f1") == [(3, 0.3), (6, 0.6)]
    assert points(tmp_path, "final/f1") == [(6, 0.6)]
    assert len(event_files(tmp_path / "tensorboard")) == 2
    found = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert len(found.Tensors("options/run")) == 1


def test_a_run_is_seen_while_it_goes(tmp_path: Path) -> None:
    go(tmp_path, until=4, ends=False)
    assert points(tmp_path, "train/loss") == LOSSES[:3]
