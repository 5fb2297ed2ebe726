"""Signals while a step is compiled and while a checkpoint is written, and a second one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bert_core.cli.main import run
from bert_core.keeper import Keeper
from bert_core.training.checkpoints import damage
from bert_core.training.evaluation import Evaluator
from bert_core.training.step import Stepper

from .conftest import rows_of

Command = Callable[..., list[str]]
SIGNALS = [(signal.SIGTERM, 143, "stopped by SIGTERM"), (signal.SIGINT, 130, "interrupted")]
SHORT = ("--max-steps", "3", "--eval-every", "1", "--save-every", "1")


def heeding_ctrl_c() -> None:
    """In the background a shell lets nobody hear SIGINT, and what it starts inherits that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def heeded() -> Any:
    """The same for this process."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)]
)
def test_a_signal_while_the_step_is_compiled_is_heard_after_it(
    number: int, code: int, command: Command, tmp_path: Path
) -> None:
    arguments = [sys.executable, "-m", "bert_core.cli", *command(tmp_path / "run", "--max-steps", "100", "--no-eval")]
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heeding_ctrl_c
    ) as process:
        assert process.stdout is not None
        printed = b""
        while b"compiling the training step" not in printed:
            more = os.read(process.stdout.fileno(), 1 << 16)
            assert more, f"it ended: {process.communicate()}"
            printed += more
        process.send_signal(number)
        _, said = process.communicate(timeout=300)
    assert process.returncode == code, said
    assert b"stopped by a signal after step 1 of 100; everything is saved" in said
    assert damage((tmp_path / "run" / "latest").resolve(strict=True)) == ""


@pytest.mark.parametrize(("number", "code", "said"), SIGNALS)
def test_a_second_signal_while_the_step_is_compiled_leaves_at_once(
    number: int, code: int, said: str, command: Command, tmp_path: Path
) -> None:
    words = command(tmp_path / "run", "--max-steps", "100", "--no-eval", "--num-hidden-layers", "12")
    with subprocess.Popen(
        [sys.executable, "-m", "bert_core.cli", *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heeding_ctrl_c,
    ) as process:
        assert process.stdout is not None
        printed = b""
        while b"compiling the training step" not in printed:
            printed += os.read(process.stdout.fileno(), 1 << 16)
        process.send_signal(number)
        time.sleep(1)
        assert process.poll() is None
        process.send_signal(number)
        begun = time.monotonic()
        _, error = process.communicate(timeout=300)
    assert process.returncode == code
    assert time.monotonic() - begun < 10  # MindSpore holds Python's lock for a second or two at a time
    assert error.decode() == f"\nbertrun: {said}\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]  # and no report of MindSpore's


@pytest.mark.parametrize(("number", "code"), [SIGNALS[0][:2], pytest.param(*SIGNALS[1][:2], marks=pytest.mark.slow)])
def test_a_signal_while_a_checkpoint_is_written_leaves_it_whole(
    number: int,
    code: int,
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write = Keeper._write
    written: list[Path] = []

    def signalled(self: Keeper, path: Path, **what: Any) -> None:
        written.append(path)
        if len(written) == 1:
            os.kill(os.getpid(), number)
        write(self, path, **what)

    monkeypatch.setattr(Keeper, "_write", signalled)
    assert run(command(tmp_path / "run", *SHORT)) == code
    assert "everything is saved" in capsys.readouterr().err
    newest = (tmp_path / "run" / "latest").resolve(strict=True)
    assert damage(newest) == ""
    assert newest.name == f"step-{rows_of(tmp_path / 'run')[-1]['step']:08d}"
    assert not list((tmp_path / "run" / "checkpoints").glob("*.tmp-*"))
    assert len(written) == 2


@pytest.mark.parametrize(
    ("when", "number", "code", "said"),
    [
        ("step", *SIGNALS[0]),
        ("evaluation", *SIGNALS[1]),
        ("saving", *SIGNALS[0]),
        pytest.param("step", *SIGNALS[1], marks=pytest.mark.slow),
        pytest.param("evaluation", *SIGNALS[0], marks=pytest.mark.slow),
        pytest.param("saving", *SIGNALS[1], marks=pytest.mark.slow),
    ],
)
def test_a_second_signal_leaves_at_once_and_the_run_goes_on_from_what_was_whole(
    when: str,
    number: int,
    code: int,
    said: str,
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    owner, name = {"step": (Stepper, "__call__"), "evaluation": (Evaluator, "predict"), "saving": (Keeper, "begin")}[
        when
    ]
    real = getattr(owner, name)
    calls: list[int] = []

    def signalled(*arguments: Any, **how: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            os.kill(os.getpid(), number)
            os.kill(os.getpid(), number)
        return real(*arguments, **how)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, signalled)
        assert run(command(tmp_path / "run", *SHORT)) == code
    assert capsys.readouterr().err.strip() == f"bertrun: {said}"
    assert len(calls) == 2
    assert not (tmp_path / "run" / "lock.json").exists()
    assert (tmp_path / "run" / "latest").resolve(strict=True).name == "step-00000001"
    if when == "saving" and number == signal.SIGTERM:
        assert run(["resume", str(tmp_path / "run")]) == 0
        assert [row["step"] for row in rows_of(tmp_path / "run") if "loss" in row] == [1, 2, 3]
