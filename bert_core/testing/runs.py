"""Whole runs of a task with a tiny model: stopped and gone on with, and shared by two processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from .alike import alike
from .tiny import LENGTH, TINY_MODEL, as_words

STEPS = 4
_STOP = 2
_SAVED = ("model.safetensors", "training.safetensors")
_SECONDS = 300
_OWN = ("seconds", "tokens_per_s", "time")  # of a row of metrics: of the machine, not of the run


class Runs:
    """The runs of one task, each made when it is asked for.

    Args:
        task: Its name.
        folder: Where they write.
        vocabulary: The tokenizer's.
        train: What is learnt from; None is the task's sample.
        evaluated: What is scored.
        words: More words on their command lines.
    """

    def __init__(
        self,
        task: str,
        folder: Path,
        *,
        vocabulary: Path,
        train: Path | None,
        evaluated: Path | None,
        words: Sequence[str] = (),
    ) -> None:
        self._folder = folder
        data = [*_file("--train-data", train), *_file("--eval-data", evaluated)]
        model = as_words(TINY_MODEL)
        fixed = f"--task {task} --model bert --max-length {LENGTH} --batch-size 4 --max-steps {STEPS} --seed 3"
        rest = "--learning-rate 1e-2 --log-every 1 --lowercase --quiet"
        self._words = [*fixed.split(), *rest.split(), "--vocab", str(vocabulary), *model, *data, *words]

    @cached_property
    def straight(self) -> Path:
        """From start to end, in one process."""
        folder = self._folder / "straight"
        _run([*self._words, "--output", str(folder)])
        return folder

    @cached_property
    def resumed(self) -> Path:
        """Stopped on its way, and gone on with."""
        folder = self._folder / "resumed"
        _run([*self._words, "--output", str(folder), "--stop-after", str(_STOP)])
        _run(["resume", str(folder)])
        return folder

    @cached_property
    def shared(self) -> Path:
        """By two processes together."""
        folder = self._folder / "shared"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        words = [*self._words, "--output", str(folder), "--devices", "2"]
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "bert_core.cli", *words],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"bertrun {' '.join(words)}\nended with {done.returncode}:\n{done.stdout}"
        return folder


class RunContract:
    """The tests of a task's whole runs."""

    def test_a_run_that_is_resumed_ends_with_the_same_bytes(self, runs: Runs) -> None:
        """Stopped on its way and gone on with, a run writes the parameters and predictions of one that was not."""
        check_same_bytes(runs.straight, runs.resumed)

    @pytest.mark.slow
    def test_two_processes_make_the_run_of_one(self, runs: Runs) -> None:
        """With `--devices 2` losses, scores and predictions are those of one process."""
        check_same_run(runs.straight, runs.shared)


def check_same_bytes(straight: Path, resumed: Path) -> None:
    """See that a run which was stopped and resumed ended as one that was not."""
    hint = "what the task knows must be in `state`, and what it draws must follow from the seed it is given"
    for name in _SAVED:
        one, other = (folder / "latest" / name for folder in (straight, resumed))
        assert one.read_bytes() == other.read_bytes(), f"{name} of the run that was resumed has other bytes; {hint}"
    rows = [_rows(folder / "metrics.jsonl") for folder in (straight, resumed)]
    assert rows[0] == rows[1], f"losses or scores of the run that was resumed are others; {hint}"
    same = _predictions(straight) == _predictions(resumed)
    assert same, f"predictions of the run that was resumed are others; {hint}"


def check_same_run(alone: Path, shared: Path) -> None:
    """See that the run of several processes was that of one."""
    hint = "loss and `loss_terms` must treat rows one by one, and nothing may depend on the process"
    rows, expected = _rows(shared / "metrics.jsonl"), _rows(alone / "metrics.jsonl")
    assert len(rows) == len(expected), f"two processes logged {len(rows)} rows, and one {len(expected)}"
    for row, other in zip(rows, expected, strict=True):
        assert alike(row, other), f"two processes have {row}, and one {other}; {hint}"
    found = [[json.loads(line) for line in _predictions(folder).splitlines()] for folder in (shared, alone)]
    assert alike(*found), f"two processes give other predictions than one; {hint}"


def _rows(path: Path) -> list[Mapping[str, Any]]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [{name: value for name, value in row.items() if name not in _OWN} for row in rows]


def _predictions(folder: Path) -> str:
    path = folder / "predictions.jsonl"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _run(words: Sequence[str]) -> None:
    from bert_core.cli.main import run

    code = run(list(words))
    assert code == 0, f"bertrun {' '.join(words)}\nended with {code}; what it said is above"


def _file(flag: str, path: Path | None) -> list[str]:
    return [] if path is None else [flag, str(path)]
