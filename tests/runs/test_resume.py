"""Twenty steps at once are one, and six more, and thirteen, each in a process of its own, to the last byte."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bert_core.cli.main import run
from bert_core.training.step import Stepper

from .conftest import rows_of

Command = Callable[..., list[str]]
FAKES = Path(__file__).parents[1] / "plugins"


def in_a_process(arguments: list[str]) -> str:
    done = subprocess.run([sys.executable, "-m", "bert_core.cli", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_same_end(output: Path, straight: Path) -> None:
    assert rows_of(output) == rows_of(straight)
    for name in ("model.safetensors", "training.safetensors", "state.json"):
        assert (output / "latest" / name).read_bytes() == (straight / "latest" / name).read_bytes(), name
    predictions = straight / "predictions.jsonl"
    if predictions.exists():
        assert (output / "predictions.jsonl").read_bytes() == predictions.read_bytes()


@pytest.fixture(
    params=[
        pytest.param("ner", marks=pytest.mark.slow),
        pytest.param("ner-crf", marks=pytest.mark.slow),
        "pretrain",
        pytest.param("pretrain-scaled", marks=pytest.mark.slow),
    ]
)
def line(request: pytest.FixtureRequest, command: Command, pretrain: Command) -> Callable[[Path], list[str]]:
    """The command line of twenty steps over several epochs, dropout on, by where it writes."""
    more = {
        "ner": (command, ["--eval-every", "5"]),
        "ner-crf": (command, ["--eval-every", "5", "--crf", "--accumulate", "2"]),
        "pretrain": (pretrain, ["--accumulate", "2"]),
        "pretrain-scaled": (pretrain, ["--compute-dtype", "float16", "--loss-scale", "4294967296"]),
    }
    make, words = more[request.param]
    return lambda output: make(output, "--max-steps", "20", *words)


def test_twenty_steps_are_one_and_six_and_thirteen(line: Callable[[Path], list[str]], tmp_path: Path) -> None:
    straight, parts = tmp_path / "straight", tmp_path / "parts"
    assert run(line(straight)) == 0
    again = [*line(parts), "--resume", "auto"]
    for stop in (1, 7):
        assert f"stopped after step {stop}, as --stop-after says" in in_a_process([*again, "--stop-after", str(stop)])
    assert "resume: from step-00000007" in in_a_process(again)
    assert_same_end(parts, straight)


def test_a_signal_inside_an_accumulation_ends_after_its_update(
    pretrain: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    more = ("--max-steps", "6", "--accumulate", "4")
    assert run(pretrain(straight, *more)) == 0
    make = Stepper.__call__
    micro_batches: list[int] = []

    def signalled(self: Stepper, batches: Any, **how: Any) -> Any:
        if how["number"] == 3:
            part = self._part

            def third(*arguments: Any) -> Any:
                micro_batches.append(1)
                if len(micro_batches) == 3:
                    os.kill(os.getpid(), signal.SIGTERM)
                return part(*arguments)

            monkeypatch.setattr(self, "_part", third, raising=False)
        return make(self, batches, **how)

    monkeypatch.setattr(Stepper, "__call__", signalled)
    assert run(pretrain(stopped, *more)) == 143
    assert len(micro_batches) == 4
    assert (stopped / "latest").resolve().name == "step-00000003"
    monkeypatch.setattr(Stepper, "__call__", make)
    assert run(["resume", str(stopped)]) == 0
    assert_same_end(stopped, straight)


def test_the_same_command_twice_and_with_more_plugins_gives_the_same_bytes_in_processes_of_their_own(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of the plugins watches the run as a tracker does, and none of what they register is used."""
    made = [tmp_path / "one", tmp_path / "two", tmp_path / "three"]
    for output in made:
        if output == made[2]:
            fakes = [str(FAKES / name) for name in ("every", "good", "clipping")]
            monkeypatch.setenv("PYTHONPATH", os.pathsep.join([*fakes, os.environ.get("PYTHONPATH", "")]))
        in_a_process(command(output, "--crf", "--max-steps", "4", "--eval-every", "2"))
        text = (output / "run.toml").read_text(encoding="utf-8")
        (output / "run.toml").write_text(text.replace(str(output), "OUTPUT"), encoding="utf-8")
    records = [json.loads((output / "environment.json").read_text(encoding="utf-8"))["plugins"] for output in made]
    loaded = [{record["name"] for record in found if record["state"] == "loaded"} for found in records]
    assert loaded[2] - loaded[0] == {"every", "good", "clipping"}
    assert loaded[1] == loaded[0]
    for output in made[1:]:
        assert_same_end(output, made[0])
        for name in ("scores.json", "run.toml"):
            assert (output / name).read_bytes() == (made[0] / name).read_bytes(), name


class TestAuto:
    def test_it_begins_where_there_is_nothing_and_goes_on_where_there_is(
        self, pretrain: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = pretrain(tmp_path / "run", "--max-steps", "3", "--resume", "auto")
        assert run([*words, "--stop-after", "2"]) == 0
        assert run(words) == 0
        assert "resume: from step-00000002" in capsys.readouterr().out
        assert run(words) == 0  # there is nothing left to do
        assert [row["step"] for row in rows_of(tmp_path / "run")] == [1, 2, 3]

    def test_a_run_of_other_settings_is_not_gone_on_with(
        self, pretrain: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run(pretrain(tmp_path / "run", "--max-steps", "1")) == 0
        words = pretrain(tmp_path / "run", "--max-steps", "1", "--resume", "auto", "--batch-size", "4")
        assert run(words) == 2
        assert "this run began with other settings: [run] batch_size 8 and not 4" in capsys.readouterr().err

    def test_a_run_without_a_whole_checkpoint_begins_anew(
        self, pretrain: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = pretrain(tmp_path / "run", "--max-steps", "1", "--resume", "auto")
        assert run(words) == 0
        (tmp_path / "run" / "checkpoints" / "step-00000001" / "state.json").write_text("{")
        assert run(words) == 0
        assert "has no whole checkpoint, so the run begins anew" in capsys.readouterr().out

    def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(
        self, pretrain: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = pretrain(tmp_path / "run", "--max-steps", "4", "--save-every", "1", "--resume", "auto")
        assert run([*words, "--stop-after", "3"]) == 0
        (tmp_path / "run" / "checkpoints" / "step-00000003" / "model.safetensors").write_bytes(b"")
        assert run(words) == 0
        said = capsys.readouterr().out
        assert "passing over step-00000003: model.safetensors is not what was written" in said
        assert "resume: from step-00000002" in said

    def test_a_folder_of_something_else_is_left_alone(
        self, pretrain: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "notes.txt").touch()
        assert run(pretrain(tmp_path, "--max-steps", "1", "--resume", "auto")) == 2
        assert "something other than a run" in capsys.readouterr().err


def test_what_a_checkpoint_keeps_of_the_loss_scale(pretrain: Command, tmp_path: Path) -> None:
    """It falls from 2**32 until nothing overflows, and no skipped step moves a number."""
    words = pretrain(tmp_path / "run", "--max-steps", "30", "--compute-dtype", "float16", "--loss-scale", str(2**32))
    assert run(words) == 0
    rows = rows_of(tmp_path / "run")
    skipped = [row["skipped"] for row in rows]
    assert 10 < sum(skipped) < 25
    assert "NaN" not in (tmp_path / "run" / "metrics.jsonl").read_text(encoding="utf-8")
    assert not any(skipped[25:])
    for row, after in itertools.pairwise(rows):
        assert after["loss_scale"] == (row["loss_scale"] / 2 if row["skipped"] else row["loss_scale"])
        assert after["lr"] == row["lr"] or not row["skipped"]
    since = next(number for number, was in enumerate(reversed(skipped)) if was)
    state = json.loads((tmp_path / "run" / "latest" / "state.json").read_text(encoding="utf-8"))
    assert state["progress"] == {
        "step": 30,
        "updates": 30 - sum(skipped),
        "carried": 0,
        "scale": {"value": rows[-1]["loss_scale"], "updates": since, "overflows": 0},
    }
