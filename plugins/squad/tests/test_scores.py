"""The scores of SQuAD v2.0 and CMRC 2018 against what the official scripts counted, and against brute force."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest
from bertrun_squad import scores
from bertrun_squad.cmrc import cmrc, run_f1, units
from bertrun_squad.prediction import Prediction
from bertrun_squad.unanswerable import answer_f1, best_threshold, scored, squad2, tuned_threshold
from hypothesis import given
from hypothesis import strategies as st

from bert_core import DataError

HERE = Path(__file__).parent / "goldens"
GOLDEN = json.loads((HERE / "others.json").read_text(encoding="utf-8"))
RECORDER = runpy.run_path(str(HERE / "record_others.py"))


@pytest.mark.parametrize("seed", range(12))
def test_scores_with_unanswered_questions_are_the_official_ones(seed: int) -> None:
    answers, predictions, odds = RECORDER["sets"](seed)
    assert squad2(predictions, answers, odds) == pytest.approx(GOLDEN["squad2"][seed], rel=1e-12)


@pytest.mark.parametrize("number", range(len(RECORDER["PAIRS"])))
def test_scores_of_chinese_answers_are_the_official_ones(number: int) -> None:
    prediction, answers = RECORDER["PAIRS"][number]
    found = cmrc([prediction], [answers])
    assert {name: found[name] for name in ("exact_match", "f1")} == pytest.approx(GOLDEN["cmrc"][number], rel=1e-12)
    assert found["average"] == pytest.approx((found["exact_match"] + found["f1"]) / 2)


@given(st.lists(st.tuples(st.sampled_from(["", "x", "y"]), st.sampled_from([(), ("x",)])), min_size=1, max_size=12))
def test_the_best_threshold_is_that_of_all(rows: list[tuple[str, tuple[str, ...]]]) -> None:
    predictions, answers = [text for text, _ in rows], [own for _, own in rows]
    odds = [float((7 * place) % len(rows)) for place in range(len(rows))]
    odds = [value + place / 100 for place, value in enumerate(odds)]  # none equal to another
    has = [bool(own) for own in answers]
    values = scored(predictions, answers, answer_f1)

    def mean(threshold: float) -> float:
        kept = [text if own <= threshold else "" for text, own in zip(predictions, odds, strict=True)]
        return 100 * sum(scored(kept, answers, answer_f1)) / len(kept)

    best, threshold = best_threshold(predictions, values, odds, has)
    assert best == pytest.approx(max(map(mean, [-1.0, *odds])))
    assert threshold == 0 or mean(threshold) == pytest.approx(best)
    tuned, score = tuned_threshold(predictions, answers, odds)
    assert mean(tuned) == pytest.approx(score) == pytest.approx(best)


@given(st.text("ab中国", max_size=7), st.text("ab中国", max_size=7))
def test_chinese_f1_is_that_of_the_longest_run_of_units(first: str, second: str) -> None:
    found, wanted = units(first), units(second)
    runs = [found[a:b] for a in range(len(found)) for b in range(a + 1, len(found) + 1)]
    windows = [wanted[a:b] for a in range(len(wanted)) for b in range(a + 1, len(wanted) + 1)]
    longest = max((len(run) for run in runs if run in windows), default=0)
    expected = 0.0
    if longest:
        precision, recall = longest / len(found), longest / len(wanted)
        expected = 2 * precision * recall / (precision + recall)
    assert run_f1(first, second) == pytest.approx(expected)


def test_nothing_to_score_is_an_error() -> None:
    for metric in (squad2, cmrc):
        with pytest.raises(DataError, match="no question"):
            metric([], [])
    with pytest.raises(DataError, match="question 2 has no acceptable answer"):
        cmrc(["x", "y"], [["x"], []])


def test_metrics_take_predictions() -> None:
    found = [Prediction(text="the fox", null_odds=-1.0), Prediction(text="", null_odds=2.0)]
    answers = [("fox",), ()]
    assert scores.squad2(found, answers) == squad2(["the fox", ""], answers, [-1.0, 2.0])
    assert "best_f1" not in scores.squad2([Prediction(text="the fox"), found[1]], answers)
    assert scores.squad(found[:1], answers[:1]) == {"exact_match": 100, "f1": 100}
    assert scores.cmrc(found[:1], [("the fox",)])["average"] == 100
