"""Options that end, shorten, watch or describe a run, whatever its task."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from bert_core.cli.main import run

from .conftest import rows_of

Command = Callable[..., list[str]]


def test_a_dry_run_tells_memory_steps_and_rates(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command(tmp_path / "run", "--max-steps", "8", "--accumulate", "2", "--dry-run")) == 0
    said = capsys.readouterr().out
    assert re.search(r"memory: \d+ MiB of parameters, gradients and the optimizer's state", said)
    assert re.search(r"memory: about \d+ MiB more on the way back, for 5 windows of \d+ pieces", said)
    assert "steps: 8, an epoch is 4 with" in said
    assert re.search(r"schedule linear: .* at step 1, .* at step 8", said)
    assert not (tmp_path / "run").exists()


def test_it_stops_when_no_evaluation_is_better(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = command(tmp_path / "run", "--epochs", "20", "--patience", "2", "--learning-rate", "1e-12")
    assert run(words) == 0
    said = capsys.readouterr().out
    assert "no evaluation was better than that of step 4, as --patience says: training ends" in said
    titles = [row["title"] for row in rows_of(tmp_path / "run") if "title" in row]
    assert titles == ["eval at step 4", "eval at step 8", "eval at step 12", "eval of the best checkpoint"]
    assert run(["resume", str(tmp_path / "run")]) == 0  # it has ended, and stays as it is
    assert len([row for row in rows_of(tmp_path / "run") if "loss" in row]) == 12


def test_minutes_end_a_run_and_it_goes_on(
    pretrain: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(pretrain(tmp_path / "run", "--max-steps", "4", "--max-minutes", "1e-9")) == 0
    assert "stopped after step 1, as --max-minutes says" in capsys.readouterr().out
    assert run(["resume", str(tmp_path / "run")]) == 0
    assert [row["step"] for row in rows_of(tmp_path / "run")] == [1, 2, 3, 4]


def test_the_first_batches_alone_are_learnt(pretrain: Command, tmp_path: Path) -> None:
    still = ("--hidden-dropout-prob", "0", "--attention-probs-dropout-prob", "0")
    assert run(pretrain(tmp_path / "run", "--max-steps", "60", "--overfit-batches", "1", *still)) == 0
    losses = [row["loss"] for row in rows_of(tmp_path / "run")]
    assert losses[-1] < 0.5 * losses[0]
    assert rows_of(tmp_path / "run")[-1]["epoch"] == 60


def test_the_modelzoos_line(pretrain: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(pretrain(tmp_path / "run", "--max-steps", "2", "--log-format", "modelzoo")) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch: ")]
    loss = rows_of(tmp_path / "run")[0]["loss"]
    outputs = f"(Tensor(shape=[1], dtype=Float32, [ {loss:.7e}]), Tensor(shape=[], dtype=Bool, False), "
    outputs += "Tensor(shape=[], dtype=Float32, 1))"
    assert lines[0] == f"epoch: 0.0, current epoch percent: 0.500, step: 1, outputs are {outputs}"
    assert lines[1].startswith("epoch: 0.0, current epoch percent: 1.000, step: 2, outputs are (")


def test_without_checkpoints_a_run_has_none(pretrain: Command, tmp_path: Path) -> None:
    assert run(pretrain(tmp_path / "run", "--max-steps", "2", "--no-save")) == 0
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_half_precision_takes_the_steps_of_whole_precision(pretrain: Command, tmp_path: Path) -> None:
    still = ("--hidden-dropout-prob", "0", "--attention-probs-dropout-prob", "0", "--max-steps", "6")
    whole, half, parts = tmp_path / "whole", tmp_path / "half", tmp_path / "parts"
    assert run(pretrain(whole, *still)) == 0
    assert run(pretrain(half, *still, "--compute-dtype", "float16")) == 0
    assert run(pretrain(parts, *still, "--loss-scale", "65536", "--accumulate", "2")) == 0
    losses = [[row["loss"] for row in rows_of(folder)] for folder in (whole, half, parts)]
    np.testing.assert_allclose(losses[1], losses[0], rtol=5e-3)
    np.testing.assert_allclose(losses[2], losses[0], rtol=1e-5)
    assert {row["loss_scale"] for row in rows_of(half)} == {65536.0}


def test_too_many_overflows_end_the_run_with_the_tensors_names(
    pretrain: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = pretrain(tmp_path / "run", "--compute-dtype", "float16", "--loss-scale", "1e38", "--max-overflows", "3")
    assert run(words) == 7
    said = capsys.readouterr().err
    assert "step 3: the gradients overflowed in 3 steps in a row" in said
    assert re.search(r"of \d+ tensors \d+ have a gradient that is not finite, from the loss back (cls|bert)\.", said)
    report = json.loads((tmp_path / "run" / "not_finite.json").read_text(encoding="utf-8"))
    assert report["overflows_in_a_row"] == 3
    assert report["gradients"]


def test_moments_of_a_run_without_any_are_a_sentence(
    pretrain: Command, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(pretrain(tmp_path / "one", "--max-steps", "1")) == 0
    more = ("--max-steps", "1", "--weights", str(tmp_path / "one"), "--carry-moments")
    assert run(pretrain(tmp_path / "two", *more, "--optimizer", "momentum")) == 6
    assert "the optimizer's state holds other tensors than this run" in capsys.readouterr().err
    assert run(pretrain(tmp_path / "three", *more)) == 0
    state = json.loads((tmp_path / "three" / "latest" / "state.json").read_text(encoding="utf-8"))
    assert state["progress"]["carried"] == 1
    first = load_file(tmp_path / "one" / "latest" / "model.safetensors")
    assert set(first) == set(load_file(tmp_path / "three" / "latest" / "model.safetensors"))


def test_an_unusual_learning_rate_is_said(
    pretrain: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(pretrain(tmp_path / "run", "--max-steps", "1", "--learning-rate", "0.5")) == 0
    assert "warning: --learning-rate 0.5 is above what 'adamw' is used with" in capsys.readouterr().out
