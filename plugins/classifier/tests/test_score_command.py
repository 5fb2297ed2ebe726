"""`bertrun score classification`: files of other systems score what scikit-learn and SciPy give them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, matthews_corrcoef, recall_score

from bert_core.cli.main import run

DATA = "text\tlabel\na\tred\nb\tblue\nc\tred\nd\tgreen\n"
GOLD = ["red", "blue", "red", "green"]
SAID = ["red", "red", "blue", "green"]


@pytest.fixture
def score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """What `bertrun score classification` prints on files of this content, and its exit code."""

    def score(data: str, predictions: str, *more: str) -> tuple[int, Any, str]:
        command = ["score", "classification", *more]
        for name, content in (("data", data), ("predictions", predictions)):
            (tmp_path / name).write_text(content, encoding="utf-8")
            command += [f"--{name}", str(tmp_path / name)]
        code = run(command)
        printed = capsys.readouterr()
        scores = json.loads(printed.out) if printed.out else None
        return code, scores, printed.err.replace(str(tmp_path) + "/", "")

    return score


def table(**columns: list[str]) -> str:
    rows = zip(*columns.values(), strict=True)
    return "\n".join("\t".join(row) for row in [tuple(columns), *rows]) + "\n"


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("classes", [2, 4])
def test_scores_are_scikit_learns(seed: int, classes: int, score: Any) -> None:
    rng = random.Random(seed)
    names = ["blue", "green", "red", "white"][:classes]
    gold, said = (rng.choices(names, k=40) for _ in range(2))
    code, found, err = score(table(text=["x"] * 40, label=gold), "\n".join(said))
    assert (code, err) == (0, "")
    assert found["accuracy"] == pytest.approx(accuracy_score(gold, said))
    assert found["macro_f1"] == pytest.approx(f1_score(gold, said, average="macro"))
    assert found["weighted_f1"] == pytest.approx(f1_score(gold, said, average="weighted"))
    assert found["matthews"] == pytest.approx(matthews_corrcoef(gold, said))
    assert ("f1" in found) == (classes == 2)
    matrix = confusion_matrix(gold, said, labels=names)
    for row, right in enumerate(names):
        assert found[f"recall/{right}"] == pytest.approx(recall_score(gold, said, labels=[right], average="macro"))
        for column, other in enumerate(names):
            expected = matrix[row, column] / matrix[row].sum()
            assert found[f"as {other}/{right}"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("predictions", "more"),
    [
        ("\n".join(SAID), ()),
        ("\ufeff" + "\r\n".join(SAID) + "\r\n", ()),
        (table(index=["0", "1", "2", "3"], prediction=SAID), ()),
        (table(label=["?"] * 4, mine=SAID), ("--prediction-column", "mine")),
        ("prediction\n" + "\n".join(SAID), ()),
        ("id,prediction\n" + "".join(f'{n},"{label}"\n' for n, label in enumerate(SAID)), ()),
        ("".join(json.dumps({"text": "x", "label": label, "probability": 0.5}) + "\n" for label in SAID), ()),
        ("".join(json.dumps({"label": "?", "mine": label}) + "\n" for label in SAID), ("--prediction-column", "mine")),
    ],
)
def test_predictions_are_lines_or_a_column(predictions: str, more: Any, score: Any) -> None:
    code, found, err = score(DATA, predictions, *more)
    assert (code, err) == (0, "")
    assert found["accuracy"] == 0.5
    assert found["as red/blue"] == 1
    assert not any(name.startswith("majority") for name in found), "nobody knows what it was trained on"


def test_any_number_of_classes_and_none(score: Any) -> None:
    data = table(text=["x"] * 3, label=["red,blue", "", "red"])
    code, found, _ = score(data, "blue,red\n\nblue\n", "--multi-label")
    assert (code, found["exact"], found["micro_f1"]) == (0, pytest.approx(2 / 3), pytest.approx(2 / 3))
    rows = [{"labels": ["red", "blue"]}, {"labels": []}, {"labels": ["blue"]}]
    assert score(data, "".join(json.dumps(row) + "\n" for row in rows), "--multi-label")[1] == found


def test_numbers_have_correlations_and_may_leave_the_set_s_bounds(score: Any) -> None:
    gold, said = [1.0, 2.5, 5.0, 0.0], [0.5, 2.0, 5.3, 0.7]
    data = table(sentence1=["x"] * 4, sentence2=["y"] * 4, score=list(map(str, gold)))
    code, found, _ = score(data, "\n".join(map(str, said)), "--dataset", "stsb")
    assert code == 0
    assert found["pearson"] == pytest.approx(pearsonr(said, gold).statistic)
    assert found["spearman"] == pytest.approx(spearmanr(said, gold).statistic)


def test_rows_that_nobody_decided_are_not_scored(score: Any) -> None:
    gold = ["neutral", "-", "entailment"]
    data = table(sentence1=["x"] * 3, sentence2=["y"] * 3, gold_label=gold)
    code, found, _ = score(data, "neutral\nneutral\nneutral\n", "--dataset", "mnli")
    assert (code, found["accuracy"]) == (0, 0.5)


def test_other_names_of_classes_are_theirs(score: Any) -> None:
    data = '{"sentence": "x", "label": "100"}\n{"sentence": "y", "label": "101"}\n'
    assert score(data, "news_story\n101\n", "--dataset", "tnews")[1]["accuracy"] == 1


@pytest.mark.parametrize(
    ("predictions", "more", "code", "said"),
    [
        ("red\nred\n", (), 4, "predictions: the file has 2 predictions, and data has 4 examples"),
        ("a\nb\nc\nd\n", ("--dataset", "cola"), 4, "data:1: the first line names no column 'sentence'"),
        ('{"x": 1}\n', (), 4, "predictions:1: there is no 'prediction'; there is 'x'"),
        ('{"label": "red"\n', (), 4, "predictions:1: the line is not JSON"),
        ("red\n" * 4, ("--prediction-column", "mine"), 4, "predictions: the first line names no column 'mine'"),
        ("1\nx\n", ("--regression",), 4, "data:2: the score 'label' is 'red', not a number"),
        ("red\n", ("--regression", "--multi-label"), 2, "--regression and --multi-label contradict each other"),
        ("", (), 4, "predictions: the file is empty"),
    ],
)
def test_files_that_do_not_fit_are_refused(predictions: str, more: Any, code: int, said: str, score: Any) -> None:
    found, out, err = score(DATA, predictions, *more)
    assert (found, out) == (code, None)
    assert said in err
    assert "Traceback" not in err


def test_classes_that_nobody_named_are_refused(tmp_path: Path, score: Any) -> None:
    (tmp_path / "classes").write_text("red\nblue\ngreen\n", encoding="utf-8")
    code, _, err = score(DATA, "red\nred\nred\nwhite\n", "--label-file", str(tmp_path / "classes"))
    assert code == 4
    assert "the class 'white' is none of those that there are: red, blue, green" in err
