"""Checkpoints that are written beside training: one at a time, told when whole, and lost only with a sentence."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bert_core.errors import CheckpointError
from bert_core.training.checkpoints import Checkpoints, committed
from bert_core.training.saver import Saver


@pytest.fixture
def saver(tmp_path: Path) -> Saver:
    return Saver(Checkpoints(tmp_path, keep=2))


def content(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"numbers")


def held(gate: threading.Event) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        assert gate.wait(10)
        content(folder)

    return write


def test_the_caller_goes_on_while_it_is_written(saver: Saver, tmp_path: Path) -> None:
    gate = threading.Event()
    saver.begin(1, held(gate), best=True)
    assert saver.finished(wait=False) is None
    assert committed(tmp_path / "checkpoints") == []
    gate.set()
    path = saver.finished(wait=True)
    assert path is not None
    assert path.name == "step-00000001"
    assert committed(tmp_path / "checkpoints") == [path]
    assert saver.finished(wait=True) is None  # it is told once
    saver.close()


def test_a_full_disk_is_a_sentence_when_it_is_asked_for(saver: Saver, tmp_path: Path) -> None:
    def full(folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    saver.begin(1, content, best=True)
    saver.finished(wait=True)
    saver.begin(2, full, best=False)
    with pytest.raises(CheckpointError, match="the checkpoint cannot be saved: No space left on device"):
        saver.finished(wait=True)
    assert [path.name for path in committed(tmp_path / "checkpoints")] == ["step-00000001"]
    saver.close()


def test_closing_waits_for_what_is_under_way(saver: Saver, tmp_path: Path) -> None:
    gate = threading.Event()
    saver.begin(1, held(gate), best=True)
    threading.Timer(0.05, gate.set).start()
    saver.close()
    assert [path.name for path in committed(tmp_path / "checkpoints")] == ["step-00000001"]
