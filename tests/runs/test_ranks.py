"""Processes that share a run make the run that one makes: the same losses, scores, predictions and files."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bert_core.cli.main import run

from .conftest import rows_of

Command = Callable[..., list[str]]
WORDS = ("--max-steps", "6", "--eval-every", "3")


def begun(arguments: list[str]) -> subprocess.Popen[str]:
    where = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-m", "bert_core.cli", *arguments]
    return subprocess.Popen(command, env=where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def together(arguments: list[str], code: int = 0) -> str:
    process = begun(arguments)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == code, said
    return said


def assert_same_run(output: Path, alone: Path) -> None:
    rows, expected = rows_of(output), rows_of(alone)
    assert len(rows) == len(expected)
    for row, other in zip(rows, expected, strict=True):
        assert row.get("scores") == (other.get("scores") and pytest.approx(other["scores"], rel=1e-5))
        assert (row["step"], row.get("skipped")) == (other["step"], other.get("skipped"))
        if "loss" in row:
            assert row["loss"] == pytest.approx(other["loss"], rel=1e-6)
            assert row["grad_norm"] == (other["grad_norm"] and pytest.approx(other["grad_norm"], rel=1e-5))
    if (alone / "predictions.jsonl").exists():
        assert (output / "predictions.jsonl").read_bytes() == (alone / "predictions.jsonl").read_bytes()
    assert sorted(os.listdir(output)) == sorted(os.listdir(alone))


def assert_same_files(output: Path, other: Path) -> None:
    assert rows_of(output) == rows_of(other)
    for name in ("model.safetensors", "training.safetensors", "state.json"):
        assert (output / "latest" / name).read_bytes() == (other / "latest" / name).read_bytes()


class TestEqual:
    """Batches of ten: three processes have shares of 2, 2 and 1 of each of two micro-batches."""

    @pytest.fixture(
        scope="class",
        params=[
            "ner",
            pytest.param("ner-scaled", marks=pytest.mark.slow),
            pytest.param("pretrain", marks=pytest.mark.slow),
            pytest.param("pretrain-scaled", marks=pytest.mark.slow),
        ],
    )
    def line(
        self, request: pytest.FixtureRequest, command: Command, pretrain: Command, corpus: Path
    ) -> Callable[[Path], list[str]]:
        scaled = ["--compute-dtype", "float16", "--loss-scale"]
        scores = ["--eval-data", str(corpus / "records")]
        make, more = {
            "ner": (command, ["--crf", "--accumulate", "2"]),
            "ner-scaled": (command, ["--accumulate", "2", *scaled, "4294967296"]),
            "pretrain": (pretrain, ["--accumulate", "2", *scores]),
            "pretrain-scaled": (pretrain, [*scaled, "67108864", *scores]),
        }[request.param]
        return lambda output: make(output, *WORDS, *more)

    @pytest.fixture(scope="class")
    def alone(self, line: Callable[[Path], list[str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
        output = tmp_path_factory.mktemp("alone") / "run"
        assert run(line(output)) == 0
        return output

    @pytest.mark.parametrize("count", [pytest.param(2, marks=pytest.mark.slow), 3])
    def test_losses_scores_predictions_and_files(
        self, line: Callable[[Path], list[str]], alone: Path, tmp_path: Path, count: int
    ) -> None:
        said = together([*line(tmp_path / "run"), "--devices", str(count)])
        assert f"which {count} processes share" in said
        assert "[rank 1]" not in said  # one speaks for all
        assert_same_run(tmp_path / "run", alone)

    @pytest.mark.slow
    def test_more_processes_than_rows(self, command: Command, tmp_path: Path) -> None:
        line = lambda output: command(output, *WORDS, "--batch-size", "2", "--eval-batch-size", "12")  # noqa: E731
        assert run(line(tmp_path / "alone")) == 0
        together([*line(tmp_path / "run"), "--devices", "3"])
        assert_same_run(tmp_path / "run", tmp_path / "alone")


@pytest.mark.slow
class TestResume:
    @pytest.fixture(scope="class")
    def straight(self, command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
        output = tmp_path_factory.mktemp("straight") / "run"
        together(command(output, *WORDS, "--devices", "2"))
        return output

    def test_the_same_number_goes_on_to_the_same_bytes(self, straight: Path, command: Command, tmp_path: Path) -> None:
        output = tmp_path / "run"
        again = [*command(output, *WORDS), "--devices", "2", "--resume", "auto"]
        assert "stopped after step 2" in together([*again, "--stop-after", "2"])
        assert "resume: from step-00000002" in together(again)
        assert_same_files(output, straight)

    def test_another_number_goes_on_with_the_same_batches(
        self, straight: Path, command: Command, tmp_path: Path
    ) -> None:
        output = tmp_path / "run"
        together([*command(output, *WORDS), "--devices", "2", "--stop-after", "2"])
        assert run(["resume", str(output)]) == 0
        assert_same_run(output, straight)


@pytest.mark.slow
class TestSharedOptimizer:
    """Two processes that each keep a part of the moments write the files of two that each keep all."""

    @pytest.fixture(scope="class")
    def whole(self, command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
        output = tmp_path_factory.mktemp("whole") / "run"
        together(command(output, *WORDS, "--devices", "2"))
        return output

    def test_the_same_bytes_also_after_a_stop(self, whole: Path, command: Command, tmp_path: Path) -> None:
        output = tmp_path / "run"
        again = [*command(output, *WORDS), "--devices", "2", "--shard-optimizer", "--resume", "auto"]
        together([*again, "--stop-after", "2"])
        together(again)
        assert_same_files(output, whole)

    def test_a_run_goes_on_without_sharing_and_begins_to_share(
        self, whole: Path, command: Command, tmp_path: Path
    ) -> None:
        output = tmp_path / "run"
        again = [*command(output, *WORDS), "--devices", "2", "--resume", "auto"]
        together([*again, "--shard-optimizer", "--stop-after", "2"])
        together([*again, "--stop-after", "4"])
        together([*again, "--shard-optimizer"])
        assert_same_files(output, whole)

    def test_one_process_and_three_go_on_with_the_same_batches(
        self, whole: Path, command: Command, tmp_path: Path
    ) -> None:
        output = tmp_path / "run"
        again = [*command(output, *WORDS), "--shard-optimizer", "--resume", "auto"]
        together([*again, "--devices", "2", "--stop-after", "2"])
        together([*again, "--stop-after", "4"])  # alone
        together([*again, "--devices", "3"])
        assert_same_run(output, whole)


class TestEnd:
    @pytest.fixture
    def going(self, command: Command, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
        """A run of two processes that has made some steps."""
        output = tmp_path / "run"
        process = begun(command(output, "--max-steps", "100000", "--eval-every", "5", "--devices", "2"))
        until = time.monotonic() + 120
        while not (output / "latest").exists():
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.2)
        yield process, output
        process.kill()
        process.communicate()

    @pytest.mark.slow
    def test_a_signal_ends_all_of_them_after_the_same_step(
        self, going: tuple[subprocess.Popen[str], Path], command: Command
    ) -> None:
        process, output = going
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 143, said
        stopped = set(re.findall(r"stopped by a signal after step (\d+)", said))
        assert len(stopped) == 1, said
        assert state_of(output)["progress"]["step"] == int(stopped.pop())
        assert alive_with(str(output)) == []

    @pytest.mark.slow
    def test_a_process_that_is_killed_is_named_and_takes_the_others_along(
        self, going: tuple[subprocess.Popen[str], Path]
    ) -> None:
        process, output = going
        victim = next(pid for pid in alive_with(str(output)) if environment_of(pid).get("MS_NODE_ID") == "1")
        os.kill(victim, signal.SIGKILL)
        said, _ = process.communicate(timeout=90)
        assert process.returncode == 137, said
        assert "rank 1 was ended by SIGKILL" in said
        assert alive_with(str(output)) == []
        assert (output / "latest" / "model.safetensors").is_file()


def test_processes_that_were_told_different_things_do_not_begin(command: Command, tmp_path: Path) -> None:
    words = " ".join(f"'{word}'" for word in command(tmp_path / "run", "--max-steps", "2"))
    script = f'exec {sys.executable} -m bert_core.cli {words} --seed "$RANK_ID"'
    said = together(["launch", "--workers", "2", "--log-dir", str(tmp_path / "logs"), "--", "sh", "-c", script], 2)
    assert "ranks 0 and 1 begin with different options" in said
    assert not (tmp_path / "run").exists()


def state_of(output: Path) -> dict[str, Any]:
    state: dict[str, Any] = json.loads((output / "latest" / "state.json").read_text())
    return state


def alive_with(word: str) -> list[int]:
    """The processes whose command line has a word, without those that have ended."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def environment_of(pid: int) -> dict[str, str]:
    content = Path(f"/proc/{pid}/environ").read_bytes().decode()
    return dict(item.partition("=")[::2] for item in content.split("\0") if item)  # type: ignore[misc]
