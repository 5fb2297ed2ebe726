"""Observers of a whole run: they change nothing, are timed, and are there by name where `--track` says so."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import importlib_metadata
import pytest

from bert_core.cli.main import run

Command = Callable[..., list[str]]
FAKES = Path(__file__).parents[1] / "plugins"
SHORT = ("--max-steps", "4", "--eval-every", "2", "--save-every", "2")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Install fake plugins, or a module as one, beside those that are."""
    points = [point for point in importlib_metadata.entry_points(group="bertrun") if point.name != "tensorboard"]
    monkeypatch.setattr(importlib_metadata, "entry_points", lambda group: points)

    def install(*plugins: str) -> None:
        for plugin in plugins:
            if (FAKES / plugin).is_dir():
                monkeypatch.syspath_prepend(FAKES / plugin)
                found = importlib_metadata.distributions(path=[str(FAKES / plugin)])
                points.extend(point for one in found for point in one.entry_points)
            else:
                name = plugin.removeprefix("bertrun_")
                value = f"{plugin}.plugin"
                points.append(importlib_metadata.EntryPoint(name=name, value=value, group="bertrun"))

    yield install
    for name in [name for name in sys.modules if name.startswith("fake_")]:
        del sys.modules[name]


def written(folder: Path) -> dict[str, bytes]:
    """The bytes of all that a run leaves behind, but for the clock, the machine and its own place."""
    kept = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in ("environment.json", "log.txt", "metrics.jsonl"):
            kept[str(path.relative_to(folder))] = path.read_bytes().replace(str(folder).encode(), b"HERE")
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    timed = ("tokens_per_s", "seconds")
    kept["metrics"] = json.dumps([{k: v for k, v in row.items() if k not in timed} for row in rows]).encode()
    return kept


def test_an_observer_that_tries_changes_nothing(command: Command, installed: Any, tmp_path: Path) -> None:
    assert run(command(tmp_path / "alone", *SHORT)) == 0
    installed("meddling", "good")  # the second one is not used
    assert run(command(tmp_path / "watched", *SHORT)) == 0
    tried = sys.modules["fake_meddling"].TRIED
    assert {what for what, _ in tried} == {"tables", "table", "list", "steps", "loss", "scores", "no scores"}
    assert {outcome for _, outcome in tried} == {"refused"}
    alone, watched = written(tmp_path / "alone"), written(tmp_path / "watched")
    kept = {"run.toml", "scores.json", "predictions.jsonl", "checkpoints/step-00000004/model.safetensors", "metrics"}
    assert kept <= set(alone)
    assert watched == alone


def test_how_long_each_looked_on_is_recorded_and_a_slow_one_is_named(
    command: Command, installed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bert_core.observers._SECONDS", 0.0)
    monkeypatch.setattr("bert_core.observers._SHARE", 0.0)
    installed("meddling")
    folder = tmp_path / "run"
    assert run(command(folder, *SHORT, "--stop-after", "2")) == 0
    first = json.loads((folder / "environment.json").read_text(encoding="utf-8"))["observers"]
    assert list(first) == ["bertrun-meddling:meddling"]
    assert run(["resume", str(folder)]) == 0
    both = json.loads((folder / "environment.json").read_text(encoding="utf-8"))["observers"]
    assert both["bertrun-meddling:meddling"] >= first["bertrun-meddling:meddling"] + 0.01 >= 0.02
    last = (folder / "log.txt").read_text(encoding="utf-8").splitlines()[-1]
    assert last.startswith("plugin bertrun-meddling:meddling took ")


def test_the_record_of_a_run_holds_the_content_of_its_plugins(finished: Path) -> None:
    environment = json.loads((finished / "environment.json").read_text(encoding="utf-8"))
    (ner,) = [one for one in environment["plugins"] if one["name"] == "ner"]
    assert (ner["distribution"], ner["state"], len(ner["sha256"])) == ("bertrun-ner", "loaded", 64)


def test_a_tracker_is_told_where_it_is_asked_for_and_is_so_again_when_the_run_goes_on(
    command: Command, installed: Any, tmp_path: Path
) -> None:
    installed("every")
    folder = tmp_path / "run"

    def tracked() -> list[int]:
        return [step.step for kind, *_, step in sys.modules["fake_every"].SEEN if kind == "tracked"]

    assert run(command(tmp_path / "other", "--max-steps", "1", "--no-eval")) == 0
    assert tracked() == []
    assert run(command(folder, *SHORT, "--track", "every_tracker", "--stop-after", "2")) == 0
    assert tracked() == [1, 2]
    assert 'track = [\n    "every_tracker",\n]' in (folder / "run.toml").read_text(encoding="utf-8")
    sys.modules["fake_every"].SEEN.clear()
    assert run(["resume", str(folder)]) == 0
    assert tracked() == [3, 4]
    views = {entry[1].steps_before for entry in sys.modules["fake_every"].SEEN if entry[0] == "begin"}
    assert views == {2}


def test_a_tracker_that_nobody_has_is_refused_before_anything_is_written(
    command: Command, installed: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    installed("every")
    assert run(command(tmp_path / "run", "--track", "every-trackr")) == 3
    assert "no tracker named 'every-trackr'. Did you mean 'every-tracker'?" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_run_that_is_stopped_and_goes_on_is_in_tensorboard_as_one(
    command: Command, installed: Any, tmp_path: Path
) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    installed("bertrun_tensorboard")
    folder = tmp_path / "run"
    more = ("--max-steps", "6", "--eval-every", "2", "--track", "tensorboard")
    assert run(command(folder, *more, "--stop-after", "3")) == 0
    assert run(["resume", str(folder)]) == 0
    found = EventAccumulator(str(folder / "tensorboard")).Reload()
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    losses = [(row["step"], row["loss"]) for row in rows if "loss" in row]
    assert [(one.step, pytest.approx(one.value)) for one in found.Scalars("train/loss")] == losses
    assert [step for step, _ in losses] == [1, 2, 3, 4, 5, 6]
    scores = [(row["step"], row["scores"]["f1"]) for row in rows if row.get("title", "").startswith("eval at step")]
    assert [(one.step, pytest.approx(one.value)) for one in found.Scalars("eval/f1")] == scores
    best = json.loads((folder / "scores.json").read_text(encoding="utf-8"))["best"]
    (final,) = found.Scalars("final/f1")
    assert (final.step, final.value) == (best["step"], pytest.approx(best["scores"]["f1"]))
    assert "options/run" in found.Tags()["tensors"]
