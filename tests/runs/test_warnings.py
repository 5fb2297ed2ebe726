"""What looks wrong in a run is said in a line, once, on the console and in its log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bert_core.cli.main import run

from .conftest import TINY

Command = Callable[..., list[str]]
# Nothing is learnt, and each gradient is longer than that.
STUCK = "--learning-rate 1e-12 --max-steps 200 --clip-norm 1e-9 --eval-every 100"
SAID = [
    "--learning-rate 1e-12 is below what 'adamw' is used with, 1e-07 to 0.01; the loss may hardly move",
    "each of the first 100 gradients was cut to --clip-norm 1e-09, the last one from ",
    "the loss has not moved: ",
]


def warnings(text: str) -> list[str]:
    return [line.partition("warning: ")[2] for line in text.splitlines() if line.startswith("warning: ")]


def test_a_run_that_cannot_learn_is_doubted_once_for_each_reason(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, output = tmp_path / "classes.tsv", tmp_path / "run"
    table.write_text("text\tlabel\n" + "the cat sat\tcat\nthe cat sat\tdog\n" * 12, encoding="utf-8")
    files = f"--train-data {table} --eval-data {table} --vocab {data}/vocab.txt"
    words = f"--task classifier {files} {TINY} --max-length 16 --batch-size 8 --output {output} {STUCK}"
    assert run(words.split()) == 0
    found = warnings(capsys.readouterr().out)
    (alike,) = [line for line in found if "was predicted for all of 24 texts" in line]
    assert alike.startswith("the class '")
    others = sorted(line for line in found if line != alike)
    assert [line.startswith(start) for line, start in zip(others, SAID, strict=True)] == [True] * 3
    log = (output / "log.txt").read_text(encoding="utf-8")
    assert [log.count(line) for line in found] == [1] * 4


def test_a_run_that_finds_no_entity_is_doubted(
    command: Command, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = "\n\n".join("\n".join(f"{word} O" for word in ["a", "cat", "sat", "down"]) for _ in range(40))
    (tmp_path / "train.conll").write_text(f"Ana B-PER\nsat O\n\n{bare}\n", encoding="utf-8")
    (tmp_path / "dev.conll").write_text(f"Ana B-PER\n\n{bare}\n", encoding="utf-8")
    words = command(tmp_path / "run", "--max-steps", "12", "--eval-every", "6")
    for name in ("train", "dev"):
        words[words.index(f"{data}/{name}.conll")] = str(tmp_path / f"{name}.conll")
    assert run(words) == 0
    assert warnings(capsys.readouterr().out) == ["no entity was found in any of 41 texts"]
