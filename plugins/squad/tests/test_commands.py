"""`bertrun score squad`: the official scores of files, and what is said of broken ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bert_core.cli.main import run

QAS = [
    {"id": "a", "question": "W?", "answers": [{"text": "Oslo", "answer_start": 0}]},
    {"id": "b", "question": "W?", "answers": [{"text": "Norway", "answer_start": 11}]},
]
NONE = {"id": "c", "question": "W?", "answers": [], "is_impossible": True}


@pytest.fixture
def score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """What `bertrun score squad` prints on questions and files of predictions, and its exit code."""

    def score(qas: list[Any], *more: str, **files: Any) -> tuple[int, str, str]:
        content = {"data": [{"paragraphs": [{"context": "Oslo is in Norway.", "qas": qas}]}]}
        (tmp_path / "data").write_text(json.dumps(content), encoding="utf-8")
        command = ["score", "squad", "--data", str(tmp_path / "data"), *more]
        for name, values in files.items():
            path = tmp_path / name
            path.write_text(values if isinstance(values, str) else json.dumps(values), encoding="utf-8")
            command += [f"--{name.replace('_', '-')}", str(path)]
        code = run(command)
        printed = capsys.readouterr()
        return code, printed.out, printed.err.replace(str(tmp_path) + "/", "")

    return score


def test_scores_of_a_file_are_printed_as_json(score: Any) -> None:
    code, out, err = score(QAS, predictions={"a": "Oslo", "b": "in Norway", "x": "?"})
    assert (code, err) == (0, "")
    assert json.loads(out) == pytest.approx({"exact_match": 50, "f1": 100 * (1 + 2 / 3) / 2})


def test_a_question_without_a_prediction_counts_as_wrong(score: Any) -> None:
    code, out, err = score(QAS, predictions={"a": "Oslo"})
    assert (code, json.loads(out)["exact_match"]) == (0, 50)
    assert err == "1 of 2 questions have no prediction and count as wrong\n"


def test_null_odds_give_the_best_thresholds(score: Any) -> None:
    answers, odds = {"a": "Oslo", "b": "Norway", "c": "Oslo"}, {"a": -1, "b": 2.5, "c": 3}
    code, out, _ = score([*QAS, NONE], predictions=answers, null_odds=odds)
    found = json.loads(out)
    assert code == 0
    assert found["HasAns_f1"] == 100
    assert found["NoAns_f1"] == 0
    assert (found["best_f1"], found["best_f1_thresh"]) == (100, 2.5)


@pytest.mark.parametrize(
    ("qas", "more", "files", "code", "said"),
    [
        (QAS, (), {"predictions": "{"}, 4, "predictions: the file is not JSON"),
        (QAS, (), {"predictions": "[]"}, 4, "predictions: the file is no JSON object"),
        (QAS, (), {"predictions": {"a": 3}}, 4, "predictions: the value of question a is not a text"),
        (QAS, (), {"predictions": {"x": "y"}}, 4, "predictions: 2 of 2 questions are not in the file, the first of"),
        ([*QAS, NONE], (), {"predictions": {"a": "y"}}, 4, "predictions: 2 of 3 questions are not in the file"),
        (
            QAS,
            (),
            {"predictions": {"a": "y"}, "null_odds": {"a": 1}},
            2,
            "--null-odds is of no use to the scores 'squad'",
        ),
    ],
)
def test_broken_files_are_refused(qas: Any, more: Any, files: Any, code: int, said: str, score: Any) -> None:
    found, out, err = score(qas, *more, **files)
    assert (found, out) == (code, "")
    assert said in err
    assert "Traceback" not in err
