"""`bertrun score ner`: files of other systems score what seqeval gives them, and broken ones are refused."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from seqeval.metrics import f1_score, precision_score
from seqeval.scheme import IOB2, IOBES

from bert_core.cli.main import run

GOLD = [["B-PER", "I-PER", "O"], ["O", "B-LOC"]]
WORDS = [["Ana", "Duarte", "sang"], ["in", "Porto"]]


def columns(*rows: list[list[str]]) -> str:
    sentences = zip(*rows, strict=True)
    return "\n".join("".join("\t".join(line) + "\n" for line in zip(*one, strict=True)) for one in sentences)


@pytest.fixture
def score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """What `bertrun score ner` prints on files of this content, and its exit code."""

    def score(data: str, predictions: str | None = None, *more: str) -> tuple[int, Any, str]:
        command = ["score", "ner", "--data", str(tmp_path / "data"), *more]
        (tmp_path / "data").write_text(data, encoding="utf-8")
        if predictions is not None:
            (tmp_path / "said").write_text(predictions, encoding="utf-8")
            command += ["--predictions", str(tmp_path / "said")]
        code = run(command)
        printed = capsys.readouterr()
        scores = json.loads(printed.out) if printed.out else None
        return code, scores, printed.err.replace(str(tmp_path) + "/", "")

    return score


def broken_tags(seed: int, letters: str) -> tuple[list[list[str]], list[list[str]]]:
    """A well-formed annotation, and tags of a system that follows no rule."""
    rng = random.Random(seed)
    gold, said = [], []
    for _ in range(20):
        tags: list[str] = []
        for _ in range(rng.randint(1, 4)):
            name, length = rng.choice(["PER", "LOC"]), rng.randint(1, 3)
            inside = [f"B-{name}", *[f"I-{name}"] * (length - 1)]
            if letters == "BIES":
                inside = [f"S-{name}"] if length == 1 else [*inside[:-1], f"E-{name}"]
            tags += [*inside, *["O"] * rng.randint(1, 2)]
        labels = ["O", *(f"{letter}-{name}" for letter in letters for name in ("PER", "LOC"))]
        gold.append(tags)
        said.append([tag if rng.random() < 0.8 else rng.choice(labels) for tag in tags])
    return gold, said


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("letters", "scheme"), [("BI", IOB2), ("BIES", IOBES)])
@pytest.mark.parametrize("form", ["column", "file", "tags alone", "rows"])
def test_scores_of_tags_that_break_rules_are_seqevals(
    seed: int, letters: str, scheme: Any, form: str, score: Any
) -> None:
    gold, said = broken_tags(seed, letters)
    words = [[f"w{place}x" for place in range(len(tags))] for tags in gold]
    data, predictions = columns(words, gold), columns(words, said)
    if form == "column":
        data, predictions = columns(words, gold, said), None
    elif form == "tags alone":
        predictions = columns(said)
    elif form == "rows":
        rows = [{"words": one, "tags": tags} for one, tags in zip(words, said, strict=True)]
        predictions = "".join(json.dumps(row) + "\n" for row in rows)
    code, found, err = score(data, predictions)
    assert (code, err) == (0, "")
    assert found["f1"] == pytest.approx(f1_score(gold, said, mode="strict", scheme=scheme))
    assert found["precision"] == pytest.approx(precision_score(gold, said, mode="strict", scheme=scheme))
    _, lenient, _ = score(data, predictions, "--metric", "conlleval")
    assert lenient["f1"] == pytest.approx(f1_score(gold, said))
    right = sum(a == b for one, two in zip(gold, said, strict=True) for a, b in zip(one, two, strict=True))
    assert found["token_accuracy"] == pytest.approx(right / sum(map(len, gold)))


def test_predictions_may_spell_spans_in_another_scheme(score: Any) -> None:
    spelled = [["B-PER", "E-PER", "O"], ["O", "S-LOC"]]
    code, found, _ = score(columns(WORDS, GOLD), columns(WORDS, spelled))
    assert (code, found["f1"]) == (0, 1.0)


def test_entities_of_json_lines_are_scored(score: Any) -> None:
    row = {"text": "Ana sang", "label": {"name": {"Ana": [[0, 2]]}}}
    other = {**row, "label": {"name": {"sang": [[4, 7]]}}}
    data = f"{json.dumps(row)}\n{json.dumps(row)}\n"
    code, found, _ = score(data, f"{json.dumps(row)}\n{json.dumps(other)}\n", "--metric", "cluener")
    assert (code, found["cluener_f1"]) == (0, 0.5)
    assert score(data, data)[1]["f1"] == 1.0


def test_a_run_s_predictions_are_scored_against_a_file_of_characters(score: Any) -> None:
    data = json.dumps({"text": "北京 好", "label": {"address": {"北京": [[0, 1]]}}}) + "\n"
    said = {"text": "北京 好", "words": ["北", "京", "好"], "tags": ["B-address", "I-address", "O"]}
    assert score(data, json.dumps(said) + "\n")[1]["f1"] == 1.0


@pytest.mark.parametrize(
    ("data", "predictions", "code", "said"),
    [
        (columns(WORDS, GOLD), columns(WORDS[:1], GOLD[:1]), 4, "said: the file has 1 sentences, and data has 2"),
        (
            columns(WORDS, GOLD),
            columns([["Ana", "Duarte"], WORDS[1]], [GOLD[0][:2], GOLD[1]]),
            4,
            "said:1: this sentence has 2 words, and that of data:1 has 3",
        ),
        (
            columns(WORDS, GOLD),
            columns([WORDS[0], ["at", "Porto"]], GOLD),
            4,
            "said:5: this sentence has the word 'at' where that of data:5 has 'in'",
        ),
        (columns(WORDS, GOLD), columns(WORDS, [["B-", "O", "O"], ["O", "O"]]), 4, "said:1: the tag 'B-' names no type"),
        (columns(WORDS, GOLD), '{"words": ["a"], "tags": []}\n', 4, "said:1: there are 1 words and 0 tags"),
        (columns(WORDS, GOLD), '{"words": 1, "tags": []}\n', 4, "said:1: the words are no array of texts"),
        (columns(WORDS), columns(WORDS, GOLD), 4, "data:1: this sentence is not annotated"),
        (columns(WORDS, GOLD), None, 2, "same column"),
    ],
)
def test_files_that_do_not_fit_are_refused(
    data: str, predictions: str | None, code: int, said: str, score: Any
) -> None:
    found, out, err = score(data, predictions)
    assert (found, out) == (code, None)
    assert said in err
    assert "Traceback" not in err
