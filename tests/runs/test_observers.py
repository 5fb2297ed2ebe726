"""What an installed plugin sees of a run, whichever way it ends."""

from __future__ import annotations

import importlib
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bert_core.training.checkpoints import committed, damage

Command = Callable[..., list[str]]


def kinds(seen: list[tuple[Any, ...]]) -> list[str]:
    return [kind for kind, *_ in seen]


def test_an_observer_sees_a_run_from_begin_to_end(straight: Any) -> None:
    seen = straight.seen
    assert straight.code == 0
    others = [kind for kind in kinds(seen) if kind != "checkpoint"]
    assert others == ["begin", *4 * [*25 * ["step"], "eval"], "eval", "end"]
    view = seen[0][1]
    assert (view.folder, view.total_steps) == (straight.folder, 100)
    assert view.tables["task"]["name"] == "ner"
    assert view.tables["run"]["max_steps"] == 100
    assert seen[-1] == ("end", view, "done")


def test_an_observer_sees_every_step(straight: Any) -> None:
    steps = [step for kind, *_, step in straight.seen if kind == "step"]
    assert [step.step for step in steps] == list(range(1, 101))
    assert [step.epoch for step in steps][:4] == [0.25, 0.5, 0.75, 1.0]
    assert all(step.tokens > 0 and step.seconds > 0 and step.loss > 0 for step in steps)


def test_an_observer_sees_checkpoints_that_are_committed_and_scores(straight: Any) -> None:
    paths = [path for kind, *_, path in straight.seen if kind == "checkpoint"]
    assert [path.name for path in paths] == [f"step-{step:08d}" for step in (25, 50, 75, 100)]
    assert set(committed(straight.folder / "checkpoints")) <= set(paths)
    for number, place in enumerate(place for place, kind in enumerate(kinds(straight.seen)) if kind == "checkpoint"):
        assert kinds(straight.seen)[:place].count("eval") > number  # written while training goes on, never before
    assert all({"precision", "recall", "f1"} <= set(scores) for kind, scores, *_ in straight.seen if kind == "eval")


def test_an_observer_is_told_of_a_run_that_is_interrupted(
    command: Command, watch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    step = importlib.import_module("bert_core.training.loop").StepRecord

    def signalled(**values: Any) -> Any:
        if values["step"] == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return step(**values)

    monkeypatch.setattr("bert_core.training.loop.StepRecord", signalled)
    watched = watch(tmp_path / "run", command(tmp_path / "run", "--no-eval"))
    assert watched.code == 130
    assert {(tmp_path / "run" / link).resolve().name for link in ("latest", "best")} == {"step-00000002"}
    assert kinds(watched.seen) == ["begin", "step", "step", "checkpoint", "end"]
    assert watched.seen[-1][-1] == "interrupted"
    assert (tmp_path / "run" / "log.txt").read_text(encoding="utf-8").endswith("interrupted\n")
    capsys.readouterr()


def test_a_run_whose_loss_is_not_finite_stops_and_keeps_its_last_checkpoint(
    command: Command, watch: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    wild = ("--learning-rate", "1e30", "--clip-norm", "0", "--save-every", "1", "--no-eval")
    watched = watch(folder, command(folder, *wild))
    said = capsys.readouterr().err
    assert watched.code == 7
    assert said.startswith("bertrun: error: step 2: the loss is nan and the gradient's norm nan at learning rate ")
    assert said.endswith("Lower --learning-rate, or look for broken examples among those that the report names\n")
    report = json.loads((folder / "not_finite.json").read_text(encoding="utf-8"))
    assert (report["step"], report["loss"], report["grad_norm"]) == (2, "nan", "nan")
    assert len(report["examples"]) == len(report["places"]) == 10
    assert report["places"][0].startswith("line ")
    assert next(iter(report["gradients"])) == "classifier.bias"
    assert said.count("\n") == 1
    assert kinds(watched.seen) == ["begin", "step", "checkpoint", "end"]
    assert f"bertrun: error: {watched.seen[-1][-1].removeprefix('failed: ')}\n" == said
    assert [path.name for path in committed(folder / "checkpoints")] == ["step-00000001"]
    assert damage(folder / "latest") == ""
    assert not (folder / "lock.json").exists()
    assert watched.seen[-1][-1] in (folder / "log.txt").read_text(encoding="utf-8")
