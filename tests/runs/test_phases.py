"""Phases of one run file: each from where the one before ended, interrupted anywhere, and gone on with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from bert_core.cli.main import run

from .conftest import TINY, rows_of

FILE = """\
[task]
name = "pretrain"

[run]
vocab = "{corpus}/vocab.txt"
lowercase = true
eval = false
log_every = 1
train_data = "{corpus}/records"
batch_size = 8
max_length = 32
learning_rate = 1e-2

[[phases]]
name = "short"
[phases.run]
max_steps = 4

[[phases]]
name = "long"
[phases.run]
max_steps = 3
batch_size = 4
carry_moments = {carry}
[phases.schedule]
name = "polynomial"
"""


@pytest.fixture
def file(corpus: Path, tmp_path: Path) -> Callable[..., Path]:
    """A run file of two phases."""

    def write(carry: bool = False, text: str = FILE) -> Path:
        path = tmp_path / "run.toml"
        path.write_text(text.format(corpus=corpus, carry=str(carry).lower()), encoding="utf-8")
        return path

    return write


def words(file: Path, output: Path, *more: str) -> list[str]:
    return ["--config", str(file), *TINY.split(), "--output", str(output), *more]


def numbers(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "latest" / "state.json").read_text(encoding="utf-8"))["progress"]


@pytest.fixture(scope="module")
def straight(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both phases in one go, the optimizer's state carried over."""
    folder = tmp_path_factory.mktemp("phases")
    (folder / "run.toml").write_text(FILE.format(corpus=corpus, carry="true"), encoding="utf-8")
    assert run(words(folder / "run.toml", folder / "out")) == 0
    return folder / "out"


def test_each_phase_has_its_own_folder_settings_and_steps(straight: Path) -> None:
    short, long = straight / "phase-1-short", straight / "phase-2-long"
    assert [row["step"] for row in rows_of(short)] == [1, 2, 3, 4]
    assert [row["step"] for row in rows_of(long)] == [1, 2, 3]
    assert rows_of(short)[-1]["lr"] > 0
    for name in ("best", "latest"):
        assert (straight / name).resolve() == (long / name).resolve()
    assert str(short) in (long / "run.toml").read_text(encoding="utf-8")
    assert "polynomial" in (long / "run.toml").read_text(encoding="utf-8")


def test_the_optimizers_state_is_carried_over(straight: Path) -> None:
    assert numbers(straight / "phase-2-long") == {"step": 3, "updates": 3, "carried": 4, "scale": None}


def test_without_it_the_second_phase_begins_with_zeros(
    file: Callable[..., Path], straight: Path, tmp_path: Path
) -> None:
    assert run(words(file(), tmp_path / "out")) == 0
    assert numbers(tmp_path / "out")["carried"] == 0
    first, second = (
        load_file(path / "phase-1-short" / "latest" / "model.safetensors") for path in (straight, tmp_path / "out")
    )
    assert all((first[name] == second[name]).all() for name in first)
    first, second = (load_file(path / "latest" / "training.safetensors") for path in (straight, tmp_path / "out"))
    assert any((first[name] != second[name]).any() for name in first)


@pytest.mark.parametrize("stop", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_stopped_in_any_phase_it_goes_on_to_the_same_end(
    file: Callable[..., Path], straight: Path, tmp_path: Path, stop: int
) -> None:
    """The first command leaves in the first phase; the second one, told to stop again, in the second or at its end."""
    out = tmp_path / "out"
    line = words(file(carry=True), out, "--resume", "auto")
    assert run([*line, "--stop-after", str(stop)]) == 0
    assert not (out / "phase-2-long").exists()
    assert run([*line, "--stop-after", "2"]) == 0
    assert run(["resume", str(out)]) == 0
    for phase in ("phase-1-short", "phase-2-long"):
        for name in ("model.safetensors", "training.safetensors", "state.json"):
            one, other = (folder / phase / "latest" / name for folder in (out, straight))
            assert one.read_bytes() == other.read_bytes(), (phase, name)
        assert rows_of(out / phase) == rows_of(straight / phase)


def test_other_settings_are_not_gone_on_with(
    file: Callable[..., Path], straight: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = words(file(carry=True), straight, "--resume", "auto", "--seed", "1")
    assert run(line) == 2
    assert "this run began with other settings: [run] seed 0 and not 1" in capsys.readouterr().err


def test_a_finished_run_does_the_same_again_from_the_file_that_it_wrote(straight: Path, tmp_path: Path) -> None:
    assert run(["--config", str(straight / "run.toml"), "--output", str(tmp_path / "again")]) == 0
    one, other = (folder / "latest" / "model.safetensors" for folder in (straight, tmp_path / "again"))
    assert one.read_bytes() == other.read_bytes()


def test_the_folder_of_the_whole_run_is_one_to_evaluate(
    straight: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run(["eval", str(straight), "--eval-data", f"{corpus}/records", "--json"]) == 0
    assert "masked_lm_loss" in json.loads(capsys.readouterr().out)


def test_a_dry_run_says_what_each_phase_would_do(
    file: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words(file(), tmp_path / "out", "--dry-run")) == 0
    said = capsys.readouterr().out
    assert said.count("dry run: all of this is in order") == 2
    assert "schedule polynomial:" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("was", "is_now", "said"),
    [
        ('name = "long"', 'name = "a/b"', "the name of phase 2 is 'a/b'"),
        ('name = "long"', "max_steps = 5", "'max_steps' of phase 2 stands outside a table"),
        ("batch_size = 4", "output = 'x'", "'output' is said of the whole run"),
        ("batch_size = 4", "batch_sise = 4", "no key 'batch_sise' in [run]"),
        ("[[phases]]\nname", "[phases]\nname", "Expected"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_before_anything_starts(
    file: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    was: str,
    is_now: str,
    said: str,
) -> None:
    assert was in FILE
    assert run(words(file(text=FILE.replace(was, is_now)), tmp_path / "out")) == 2
    error = capsys.readouterr().err
    assert said in error or "TOML" in error
    assert not (tmp_path / "out").exists()


def test_several_processes_are_told_where_phases_are_written(
    file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"MS_ROLE": "MS_WORKER", "MS_NODE_ID": "0", "MS_WORKER_NUM": "2"}.items():
        monkeypatch.setenv(name, value)
    assert run(["--config", str(file()), *TINY.split()]) == 2
    assert "several processes have to be told where phases are written. Say --output" in capsys.readouterr().err


def test_seeds_are_for_one_process(
    command: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command(tmp_path / "run", "--seeds", "2", "--devices", "2")) == 2
    assert "--seeds 2 and --devices 2 do not go together" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_two_processes_go_through_the_phases_of_one_and_go_on_where_they_stopped(
    straight: Path, file: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    where = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    program = [sys.executable, "-m", "bert_core.cli"]
    launched = [*program, "launch", "--workers", "2", "--log-dir", str(tmp_path / "ranks"), "--", *program]
    for arguments in (
        [*program, *words(file(True), out, "--devices", "2", "--stop-after", "2")],
        [*launched, "resume", str(out)],
    ):
        done = subprocess.run(arguments, env=where, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    for phase in ("phase-1-short", "phase-2-long"):
        for row, expected in zip(rows_of(out / phase), rows_of(straight / phase), strict=True):
            assert row.get("loss") == (expected.get("loss") and pytest.approx(expected["loss"], rel=1e-6))
    assert json.loads((out / "phases.json").read_text(encoding="utf-8"))["done"] == ["phase-1-short", "phase-2-long"]
