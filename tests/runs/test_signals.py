"""A real process that is told to stop, and what resuming makes of it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bert_core.cli.main import run
from bert_core.training.checkpoints import committed, damage
from bert_core.training.evaluation import Evaluator

Command = Callable[..., list[str]]


class Stopped(NamedTuple):
    code: int
    said: str
    latest: Path
    open_threads: int


def stopped(arguments: list[str], folder: Path, number: int, **environment: str) -> Stopped:
    """Start a process, send it a signal when it has made some steps, and wait for its end."""
    command = [sys.executable, "-m", "bert_core.cli", *arguments]
    with subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        printed = b""
        while len(re.findall(rb"step \d+/100 ", printed)) < 3:
            more = os.read(process.stdout.fileno(), 1 << 16)
            assert more, f"it ended: {process.communicate()}"
            printed += more
        open_threads = sum(map(open_to_ctrl_c, Path(f"/proc/{process.pid}/task").iterdir()))
        process.send_signal(number)
        _, said = process.communicate(timeout=120)
    return Stopped(process.returncode, said.decode("utf-8"), (folder / "latest").resolve(strict=True), open_threads)


def open_to_ctrl_c(thread: Path) -> bool:
    (mask,) = (line.split()[1] for line in (thread / "status").read_text().splitlines() if line.startswith("SigBlk"))
    return thread.name != thread.parents[1].name and not int(mask, 16) >> (signal.SIGINT - 1) & 1


@pytest.fixture(scope="module")
def interrupted(command: Command, long: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Stopped:
    folder = tmp_path_factory.mktemp("stopped") / "ner"
    return stopped(command(folder, *long), folder, signal.SIGINT, FORCE_COLOR="1")  # with the live line of a terminal


@pytest.fixture(scope="module")
def terminated(interrupted: Stopped) -> Stopped:
    folder = interrupted.latest.parents[1]
    return stopped(["resume", str(folder)], folder, signal.SIGTERM)


def test_no_thread_but_the_first_and_the_one_that_waits_for_it_can_receive_ctrl_c(
    interrupted: Stopped, terminated: Stopped
) -> None:
    """In any other one, MindSpore's handler would turn it into SIGTERM."""
    assert max(interrupted.open_threads, terminated.open_threads) <= 1


@pytest.mark.parametrize(("which", "code"), [("interrupted", 130), ("terminated", 143)])
def test_a_signal_ends_a_run_between_two_steps_with_everything_saved(
    which: str, code: int, request: pytest.FixtureRequest
) -> None:
    result: Stopped = request.getfixturevalue(which)
    folder, step = result.latest.parents[1], int(result.latest.name.removeprefix("step-"))
    assert result.code == code
    assert 1 <= step < 100
    assert result.said == (
        f"bertrun: error: stopped by a signal after step {step} of 100; everything is saved. "
        f"`bertrun resume {folder}` goes on\n"
    )
    assert damage(result.latest) == ""
    assert not (folder / "lock.json").exists()
    assert not list((folder / "checkpoints").glob("*.tmp-*"))


def rows(folder: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return [{key: value for key, value in row.items() if key not in ("tokens_per_s", "seconds")} for row in found]


def test_resumed_to_its_end_it_equals_a_run_that_nothing_stopped(terminated: Stopped, straight: Any) -> None:
    folder = terminated.latest.parents[1]
    assert run(["resume", str(folder)]) == 0
    assert committed(folder / "checkpoints")[-1].name == "step-00000100"
    for link in ("latest", "best"):
        assert (folder / link).resolve().name == (straight.folder / link).resolve().name
        for name in ("model.safetensors", "training.safetensors", "state.json"):
            assert (folder / link / name).read_bytes() == (straight.folder / link / name).read_bytes()
    for name in ("scores.json", "predictions.jsonl"):
        assert (folder / name).read_bytes() == (straight.folder / name).read_bytes()
    assert rows(folder) == rows(straight.folder)


def test_a_signal_while_weights_are_scored_leaves_nothing_to_resume(
    command: Command,
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    predict = Evaluator.predict

    def signalled(self: Evaluator, *arguments: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return predict(self, *arguments)

    monkeypatch.setattr(Evaluator, "predict", signalled)
    assert run(command(tmp_path / "run", "--no-train", "--weights", str(finished))) == 130
    said = "bertrun: error: stopped by a signal; nothing was trained, so there is nothing saved\n"
    assert capsys.readouterr().err == said
    assert not (tmp_path / "run" / "checkpoints").exists()


def heeding_ctrl_c() -> None:
    """In the background a shell lets nobody hear SIGINT, and what it starts inherits that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(
    ("number", "code", "sentence"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "stopped by SIGTERM")]
)
def test_a_signal_while_records_are_made_leaves_no_half_shard(
    number: int, code: int, sentence: str, workers: str, pretrain: Command, tmp_path: Path
) -> None:
    text, cache = tmp_path / "text.txt", tmp_path / "cache"
    text.write_text("the cat sat on the mat\nthe dog ran in the park\n\n" * 400_000, encoding="utf-8")
    line = pretrain(tmp_path / "run", "--train-data", str(text), "--record-workers", workers)
    environment = {**os.environ, "BERTRUN_CACHE": str(cache)}
    with subprocess.Popen(
        [sys.executable, "-m", "bert_core.cli", *line],
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        preexec_fn=heeding_ctrl_c,
    ) as process:
        while not list(cache.rglob(".pretrain-*")):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert said.decode().strip() == f"bertrun: {sentence}"
    assert not list(cache.rglob(".pretrain-*"))
