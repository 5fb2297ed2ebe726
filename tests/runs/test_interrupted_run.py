"""A run that is stopped at a bad moment, or whose newest checkpoint is damaged, ends like one that was not."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bert_core.cli.main import run
from bert_core.training import checkpoints
from bert_core.training.evaluation import Evaluator

Command = Callable[..., list[str]]


def rows(path: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return [{key: value for key, value in row.items() if key not in ("tokens_per_s", "seconds")} for row in found]


def assert_same_end(output: Path, straight: Path) -> None:
    assert rows(output) == rows(straight)
    assert (output / "scores.json").read_bytes() == (straight / "scores.json").read_bytes()
    assert (output / "predictions.jsonl").read_bytes() == (straight / "predictions.jsonl").read_bytes()
    for link in ("best", "latest"):
        assert (output / link).resolve(strict=True).name == (straight / link).resolve(strict=True).name
        for name in ("model.safetensors", "training.safetensors"):
            assert (output / link / name).read_bytes() == (straight / link / name).read_bytes()


def test_a_run_stopped_at_bad_moments_ends_like_one_that_was_not(
    finished: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "stopped"
    predict, link = Evaluator.predict, checkpoints.link

    def signalled(self: Evaluator, *arguments: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return predict(self, *arguments)

    def broken(path: Path, target: str) -> None:
        if target.endswith("12"):
            raise MemoryError
        link(path, target)

    monkeypatch.setattr(Evaluator, "predict", signalled)
    assert run(command(output, "--epochs", "6")) == 143
    assert (output / "latest").resolve().name == "step-00000004"
    monkeypatch.setattr(Evaluator, "predict", predict)
    monkeypatch.setattr(checkpoints, "link", broken)
    assert run(["resume", str(output)]) == 1
    assert (output / "latest").resolve().name == "step-00000008"
    monkeypatch.setattr(checkpoints, "link", link)
    assert run(["resume", str(output)]) == 0
    assert_same_end(output, finished)


def test_a_damaged_newest_checkpoint_is_passed_over_and_made_again(
    finished: Path, command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "damaged"
    assert run(command(output, "--epochs", "6", "--stop-after", "12")) == 0
    newest = (output / "latest").resolve()
    (newest / "model.safetensors").write_bytes(b"")
    (output / "best").unlink()
    (output / "best").symlink_to(f"checkpoints/{newest.name}")
    capsys.readouterr()
    assert run(["resume", str(output)]) == 0
    assert "passing over step-00000012: model.safetensors is not what was written" in "".join(capsys.readouterr())
    assert_same_end(output, finished)
