"""Runs with several seeds: a folder each, their scores together, and what stops them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bert_core.cli.main import run
from bert_core.seeds import final_scores, summary, table

Command = Callable[..., list[str]]

SHORT = ("--epochs", "1", "--seed", "4", "--seeds", "2")


def model(folder: Path) -> bytes:
    return (folder / "latest" / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def both(command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of two short runs."""
    output = tmp_path_factory.mktemp("seeds") / "ner"
    assert run(command(output, *SHORT, "--quiet")) == 0
    return output


def test_each_seed_has_a_whole_run_of_its_own(both: Path, command: Command, tmp_path: Path) -> None:
    assert {path.name for path in both.glob("seed-*")} == {"seed-4", "seed-5"}
    assert run(command(tmp_path / "alone", "--epochs", "1", "--seed", "5")) == 0
    assert model(both / "seed-5") == model(tmp_path / "alone") != model(both / "seed-4")
    assert (both / "seed-5" / "predictions.jsonl").read_bytes() == (tmp_path / "alone/predictions.jsonl").read_bytes()


def test_the_folder_of_a_seed_is_used_as_any_run_is(both: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", str(both / "seed-4"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == final_scores(both / "seed-4")
    assert run(["predict", str(both), "--text", "Ana"]) == 6
    assert f"Give the folder of a run, such as {both}/seed-4\n" in capsys.readouterr().err


def test_seeds_json_has_what_the_runs_scored(both: Path) -> None:
    stored = json.loads((both / "seeds.json").read_text(encoding="utf-8"))
    assert stored["seeds"] == [4, 5]
    each = [json.loads((both / f"seed-{seed}" / "scores.json").read_text(encoding="utf-8")) for seed in (4, 5)]
    for name, score in stored["scores"].items():
        values = [scores["eval"]["scores"][name] for scores in each]
        assert score["values"] == values
        assert score["mean"] == pytest.approx(np.mean(values))
        assert score["deviation"] == pytest.approx(np.std(values, ddof=1))
    assert {"f1", "precision", "recall"} <= set(stored["scores"])
    assert not (both / "lock.json").exists()


def test_going_on_with_what_ended_prints_it_again(both: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is trained or scored; the folder's own settings say what is printed."""
    before = (both / "seeds.json").read_bytes()
    assert run(["resume", str(both)]) == 0
    assert capsys.readouterr().out.splitlines() == table(json.loads(before))
    assert (both / "seeds.json").read_bytes() == before


def test_as_json_it_prints_one_object(command: Command, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(command(tmp_path / "run", *SHORT, "--json", "--test-data", "nowhere")) == 4
    assert capfd.readouterr().out == ""
    assert run(command(tmp_path / "run", *SHORT, "--json")) == 0
    printed = capfd.readouterr()
    assert json.loads(printed.out) == json.loads((tmp_path / "run" / "seeds.json").read_text(encoding="utf-8"))
    assert "seed 5 of 4 to 5: " in printed.err
    assert "step 4/4" in printed.err


def test_where_nothing_could_begin_nothing_is_left(
    command: Command, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(command(tmp_path / "run", *SHORT, "--train-data", "nowhere.conll")) == 4
    first, second = capfd.readouterr().err.splitlines()
    assert "nowhere.conll: " in first
    assert second == "bertrun: error: the run of seed 4 ended with exit code 4, and no other was begun after it"
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_is_the_last_and_gives_its_exit_code(
    command: Command, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(command(tmp_path / "run", *SHORT, "--learning-rate", "1e30", "--clip-norm", "0")) == 7
    said = capfd.readouterr().err
    assert "the run of seed 4 ended with exit code 7, and no other was begun after it" in said
    assert not (tmp_path / "run" / "seed-5").exists()
    assert not (tmp_path / "run" / "seeds.json").exists()


def test_a_folder_that_is_to_be_replaced_is_back_where_nothing_replaced_it(
    both: Path, command: Command, tmp_path: Path
) -> None:
    kept = model(both / "seed-4")
    assert run(command(both, *SHORT)) == 2
    assert run(command(both, *SHORT, "--overwrite", "--learning-rate", "1e30", "--clip-norm", "0")) == 7
    assert model(both / "seed-4") == kept
    assert sorted(path.name for path in both.parent.iterdir()) == ["ner"]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (("--seeds", "0"), "--seeds (command line) must be at least 1, not 0"),
        (("--seeds", "3", "--stop-after", "2"), "--stop-after 2 leaves nothing to compare between --seeds 3"),
        (
            ("--seeds", "3", "--no-train", "--weights", "minilm-l6"),
            "--no-train scores the same weights alike with each of --seeds 3",
        ),
    ],
)
def test_what_makes_no_sense_with_several_seeds_is_said(
    more: tuple[str, ...], why: str, command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "--weights" in more:
        more = (*more[:-1], str(tmp_path))  # whatever they are: the sentence comes before
        (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    assert run(command(tmp_path / "run", *more)) == 2
    assert why in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_dry_run_is_one_and_writes_nothing(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command(tmp_path / "run", "--seeds", "3", "--dry-run")) == 0
    assert capsys.readouterr().out.count("dry run: all of this is in order") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_goes_to_the_run_at_work_and_resuming_ends_like_a_run_that_nothing_stopped(
    number: int, code: int, both: Path, command: Command, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    line = command(folder, *SHORT, "--log-every", "1", "--max-steps", "40", "--eval-every", "20")
    process = subprocess.Popen(
        [sys.executable, "-m", "bert_core.cli", *line], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    printed = b""
    while len(re.findall(rb"step \d+/40 ", printed.partition(b"seed 5 of 4 to 5")[2])) < 2:
        assert process.stdout is not None
        more = os.read(process.stdout.fileno(), 1 << 16)
        assert more, f"it ended: {process.communicate()}"
        printed += more
    process.send_signal(number)
    _, said = process.communicate(timeout=120)
    assert process.returncode == code
    theirs, ours = said.decode("utf-8").splitlines()
    assert "everything is saved. `bertrun resume " in theirs
    assert ours == (f"bertrun: error: stopped by a signal in the run of seed 5. `bertrun resume {folder}` goes on")
    assert json.loads((folder / "seeds.json").read_text(encoding="utf-8"))["seeds"] == [4]
    assert not list(folder.rglob("lock.json"))
    first = (folder / "seed-4" / "log.txt").read_bytes()
    assert run(["resume", str(folder)]) == 0
    assert (folder / "seed-4" / "log.txt").read_bytes() == first
    assert json.loads((folder / "seeds.json").read_text(encoding="utf-8"))["seeds"] == [4, 5]
    assert (folder / "seed-5" / "latest").resolve().name == "step-00000040"
    if number == signal.SIGTERM:
        assert run(command(tmp_path / "alone", "--seed", "5", "--max-steps", "40", "--eval-every", "20")) == 0
        assert model(folder / "seed-5") == model(tmp_path / "alone")


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=9))
def test_mean_and_deviation_are_those_of_a_sample(values: list[float]) -> None:
    found: dict[str, Any] = summary({seed: {"f1": value} for seed, value in enumerate(values)})["scores"]["f1"]
    assert found["mean"] == pytest.approx(np.mean(values), abs=1e-9)
    assert found["deviation"] == pytest.approx(np.std(values, ddof=1), abs=1e-6)


def test_a_score_that_a_run_lacks_is_left_out_and_one_run_has_no_deviation() -> None:
    found = summary({0: {"f1": 0.5, "f1/PER": 0.1}, 1: {"f1": 0.7}})
    assert found["scores"] == {
        "f1": {"values": [0.5, 0.7], "mean": pytest.approx(0.6), "deviation": pytest.approx(0.02**0.5)}
    }
    assert summary({3: {"f1": 0.5}})["scores"]["f1"] == {"values": [0.5], "mean": 0.5, "deviation": None}


def test_the_table_has_a_row_for_each_score() -> None:
    scores = {0: {"f1": 0.5, "exact_match": 80.0}, 10: {"f1": 0.75, "exact_match": 81.0}}
    assert table(summary(scores)) == [
        "score         seed 0  seed 10     mean  deviation",
        "f1            0.5000   0.7500   0.6250     0.1768",
        "exact_match  80.0000  81.0000  80.5000     0.7071",
    ]
