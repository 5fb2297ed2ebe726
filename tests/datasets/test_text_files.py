"""Text in several files is read as if it were one."""

from __future__ import annotations

from pathlib import Path

import pytest

from bert_core.cli.main import run

TINY = ["--hidden-size", "16", "--num-hidden-layers", "1", "--num-attention-heads", "2", "--intermediate-size", "24"]


@pytest.fixture
def folder(tmp_path: Path, train: Path) -> Path:
    folder = tmp_path / "texts"
    folder.mkdir()
    sentences = train.read_text(encoding="utf-8").split("\n\n")
    (folder / "b.conll").write_text("\n\n".join(sentences[1:]), encoding="utf-8")
    (folder / "a.conll").write_text(sentences[0] + "\n", encoding="utf-8")
    (folder / "labels.txt").write_text("PER\nLOC\n", encoding="utf-8")
    (folder / "README.md").write_text("two files\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["", "*.conll"])
def test_files_of_a_folder_or_a_glob_are_one_set_in_the_order_of_their_names(
    folder: Path, train: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "show", "--task", "ner", str(train), "--count", "9"]) == 0
    whole = capsys.readouterr().out
    assert run(["data", "show", "--task", "ner", str(folder / name), "--count", "9"]) == 0
    assert capsys.readouterr().out == whole


def test_a_run_trains_on_a_folder(
    folder: Path, vocab: Path, train: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--task", "ner", "--vocab", str(vocab), *TINY, "--max-length", "12", "--epochs", "1"]
    output = tmp_path / "run"
    assert run([*command, "--train-data", str(folder), "--output", str(output)]) == 0
    log = (output / "log.txt").read_text(encoding="utf-8")
    assert "train: 3 examples of 2 files" in log
    assert "train: a.conll: 1 sentence, 6 units, 2 spans" in log
    files = (output / "environment.json").read_text(encoding="utf-8")
    assert "a.conll" in files
    assert "b.conll" in files


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("texts/*.none", "no file has such a name"),
        ("empty", "there is no file of data in this folder"),
        ("none", "there is no such file"),
    ],
)
def test_nothing_to_read_is_said(
    folder: Path, tmp_path: Path, name: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert run(["data", "stats", "--task", "ner", str(tmp_path / name)]) == 4
    assert said in capsys.readouterr().err


def test_files_of_two_schemes_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "c.conll").write_text("Oslo U-LOC\n\nNew B-LOC\nYork L-LOC\n", encoding="utf-8")
    (folder / "d.conll").write_text("Oslo S-LOC\n\nNew B-LOC\nYork E-LOC\n", encoding="utf-8")
    assert run(["data", "show", "--task", "ner", str(folder)]) == 4
    assert "the files are tagged in two schemes" in capsys.readouterr().err
