"""`bertrun data` on the command line, with real data where it is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bert_core.cli.main import run

SHARED = Path(__file__).parents[3] / "shared" / "data"
real = pytest.mark.skipif(not SHARED.is_dir(), reason="the real data in shared/data is not here")


def test_data_in_order_ends_well(train: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dev = tmp_path / "dev.conll"
    dev.write_text("Porto B-LOC\nwakes O\n", encoding="utf-8")
    assert run(["data", "check", "--task", "ner", str(train), str(dev)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "problems: 0, notes: 0"


def test_what_matters_is_exit_code_4(train: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "check", "--task", "ner", str(train), str(train)]) == 4
    captured = capsys.readouterr()
    assert f"problem: leakage: 3 examples of {train} are in {train} too" in captured.out
    assert captured.err == f"bertrun: error: {train}: this data has problems: leakage\n"


def test_a_broken_file_is_said_as_a_run_says_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.json"
    path.write_text('{"text": "ab", "label": {"x": {"b": [[5, 5]]}}}\n', encoding="utf-8")
    assert run(["data", "check", "--task", "ner", str(path)]) == 4
    assert f"{path}:1" in capsys.readouterr().err


def test_the_tasks_options_are_its_own(train: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "stats", "--task", "ner", str(train), "--word-column", "1", "--tag-column", "0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["labels"]["lives"] == 2
    assert run(["data", "check", "--task", "ner", "--help"]) == 0
    assert "--tag-scheme" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["check", __file__], "no task was chosen"),
        (["check", "--task", "nerr", "x"], "no task named 'nerr'. Did you mean 'ner'?"),
        (["check", "--task", "ner"], "Missing argument 'TRAIN'"),
        (["stats", "--task", "ner", "x", "--tag-colum", "1"], "Did you mean"),
        (["stats", "--task", "ner", "x", "--vocab", "v", "--weights", "w"], "both name a vocabulary"),
    ],
)
def test_what_cannot_be_is_said(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", *words]) in (2, 3)
    assert said in capsys.readouterr().err


def test_statistics_count_pieces_where_there_is_a_vocabulary(
    train: Path, vocab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "stats", "--task", "ner", str(train), "--vocab", str(vocab)]) == 0
    assert "pieces:\n  mean           6.0\n  least            4" in capsys.readouterr().out


@real
def test_counts_of_real_sets_are_those_of_their_page(capsys: pytest.CaptureFixture[str]) -> None:
    for name, count in (
        ("wnut17/wnut17train.conll", 3394),
        ("wnut17/emerging.dev.conll", 1009),
        ("weibo-ner/weiboNER_2nd_conll.train", 1350),
        ("weibo-ner/weiboNER_2nd_conll.dev", 270),
        ("cluener-excerpt/train.json", 2500),
        ("cluener-excerpt/dev.json", 400),
    ):
        assert run(["data", "stats", "--task", "ner", "--json", str(SHARED / name)]) == 0
        assert json.loads(capsys.readouterr().out)["examples"] == count


def test_a_plugins_command_makes_records_that_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [f"w{number}" for number in range(40)]
    (tmp_path / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]) + "\n")
    lines = [" ".join(words[(line * 7 + place) % 40] for place in range(8)) for line in range(60)]
    text = "\n\n".join("\n".join(lines[start : start + 6]) for start in range(0, 60, 6))
    (tmp_path / "text.txt").write_text(text)
    made = [
        "data",
        "pretrain",
        str(tmp_path / "text.txt"),
        "--vocab",
        str(tmp_path / "vocab.txt"),
        "--dupe_factor",
        "2",
    ]
    for kind in ("tfrecord", "mindrecord"):
        assert run([*made, "--max-length", "32", "--output", str(tmp_path / kind), "--format", kind]) == 0
    capsys.readouterr()
    assert run(["data", "check", str(tmp_path / "tfrecord"), "--vocab", str(tmp_path / "vocab.txt")]) == 0
    counts = []
    for kind in ("tfrecord", "mindrecord"):
        assert run(["data", "stats", str(tmp_path / kind), "--json"]) == 0
        counts.append({**json.loads(capsys.readouterr().out.splitlines()[-1]), "file": "", "columns": ""})
    assert counts[0] == counts[1]
    assert counts[0]["records"] > 20
    assert 0.1 < counts[0]["masked share"] < 0.2


def test_the_page_of_data_lists_what_plugins_mount(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "--help"]) == 0
    assert "  pretrain  Make pre-training records of raw text." in capsys.readouterr().out
    assert run(["--help"]) == 0
    assert "pretrain" not in capsys.readouterr().out
