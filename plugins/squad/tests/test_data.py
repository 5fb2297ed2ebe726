"""`bertrun data` on SQuAD's form: questions are shown, counted and checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bert_core.cli.main import run

CONTEXT = "Oslo is in Norway."
GOOD = {"id": "a", "question": "What?", "answers": [{"text": "Norway", "answer_start": 11}]}
WRONG = {"id": "b", "question": "Where?", "answers": [{"text": "Oslo", "answer_start": 3}]}
NONE: dict[str, Any] = {"id": "c", "question": "Who?", "answers": [], "is_impossible": True}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "train.json"
    path.write_text(json.dumps({"data": [{"paragraphs": [{"context": CONTEXT, "qas": [GOOD, WRONG, NONE]}]}]}))
    return path


def test_questions_are_shown_with_their_answers(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "show", "--task", "squad", str(path)]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows == [
        {
            "id": "a",
            "question": "What?",
            "context": CONTEXT,
            "answers": [{"text": "Norway", "start": 11, "end": 17}],
            "is_impossible": False,
        },
        {"id": "c", "question": "Who?", "context": CONTEXT, "answers": [], "is_impossible": True},
    ]


def test_answers_that_are_elsewhere_are_a_problem(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "check", "--task", "squad", str(path), "--json"]) == 4
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["kind"], found["count"], found["matters"]) == ("wrong", 1, True)
    assert found["places"][0].endswith(
        ":1: question b: the answer 'Oslo' is said to be at 3, where 'o is' is; it is at 0"
    )
    assert run(["data", "check", "--task", "squad", str(path)]) == 4
    printed = capsys.readouterr()
    assert "1 question is left out, as the text has none of its answers where the file says" in printed.out
    assert "this data has problems: wrong" in printed.err


def test_windows_of_records_that_show_no_answer_are_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "train.json"
    path.write_text(json.dumps({"data": [{"paragraphs": [{"context": CONTEXT * 3, "qas": [GOOD]}]}]}))
    vocab = tmp_path / "vocab.txt"
    vocab.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "oslo", "is", "in", "norway", ".", "what", "?"]))
    pieces = ["--vocab", str(vocab), "--max-length", "12", "--max-query-length", "4"]
    records = str(tmp_path / "train.tfrecord")
    assert run(["data", "convert", "--task", "squad", str(path), records, *pieces, "--doc-stride", "4"]) == 0
    capsys.readouterr()
    assert run(["data", "stats", "--task", "squad", records, *pieces, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["labels"] == {"answer not shown": found["examples"] - 1, "answered": 1}
    assert found["examples"] > 1
