from __future__ import annotations

import hashlib
import json
import random
import runpy
from itertools import permutations
from pathlib import Path

import pytest
from bertrun_squad.metrics import exact_match, squad, word_f1, words

from bert_core import DataError

HERE = Path(__file__).parent
DEV = HERE.parents[3] / "shared" / "data" / "squad-excerpt" / "dev.json"
GOLDEN = json.loads((HERE / "goldens" / "squad.json").read_text(encoding="utf-8"))
RECORDER = runpy.run_path(str(HERE / "goldens" / "record_squad.py"))


@pytest.fixture(scope="module")
def questions():
    if not DEV.exists():
        pytest.skip(f"real data is not here: {DEV}")
    assert hashlib.sha256(DEV.read_bytes()).hexdigest() == GOLDEN["sha256"], "not the questions that were recorded"
    return [question for _, question in RECORDER["questions"](DEV)]


@pytest.mark.parametrize("predict", RECORDER["PREDICTIONS"], ids=lambda one: one.__name__)
def test_scores_of_real_questions_are_the_official_ones(questions, predict):
    scores = squad([predict(one) for one in questions], [one.answers for one in questions])
    assert scores == pytest.approx(GOLDEN["dev"][predict.__name__], rel=1e-12)


@pytest.mark.parametrize("number", range(len(RECORDER["PAIRS"])))
def test_scores_of_hard_pairs_are_the_official_ones(number):
    prediction, answers = RECORDER["PAIRS"][number]
    assert squad([prediction], [answers]) == pytest.approx(GOLDEN["pairs"][number], rel=1e-12)


@pytest.mark.parametrize("seed", range(30))
def test_f1_is_that_of_the_best_assignment_of_words(seed):
    rng = random.Random(seed)
    found, wanted = ([rng.choice("xyz") for _ in range(rng.randint(1, 5))] for _ in range(2))
    longer, shorter = sorted((found, wanted), key=len, reverse=True)
    shared = max(sum(map(str.__eq__, order, shorter)) for order in permutations(longer))
    precision, recall = shared / len(found), shared / len(wanted)
    expected = 2 * precision * recall / (precision + recall) if shared else 0
    assert word_f1(" ".join(found), " ".join(wanted)) == pytest.approx(expected)
    assert exact_match(" ".join(found), " ".join(wanted)) == (found == wanted)


def test_case_punctuation_articles_and_spaces_do_not_count():
    assert words("  The U.S.,\tan  old-time  ALLY (of a kind) ") == ["us", "oldtime", "ally", "of", "kind"]
    assert words("theory another Anna") == ["theory", "another", "anna"]


def test_a_question_counts_with_its_best_answer_and_each_score_with_its_own():
    assert squad(["new york city", "x"], [["New York", "the city"], ["y"]]) == {"exact_match": 0, "f1": 40}
    assert squad(["York"], [["New York", "york"]]) == {"exact_match": 100, "f1": 100}


def test_no_words_on_either_side_match_exactly_and_have_an_f1_of_0():
    assert squad([""], [["The"]]) == {"exact_match": 100, "f1": 0}


def test_a_set_without_a_question_is_an_error():
    with pytest.raises(DataError, match="no question"):
        squad([], [])


def test_a_question_without_an_acceptable_answer_is_an_error():
    with pytest.raises(DataError, match="question 2 has no acceptable answer"):
        squad(["x", "y"], [["x"], []])


def test_one_text_is_not_a_sequence_of_answers():
    with pytest.raises(TypeError, match="the answers of question 1 are one text"):
        squad(["x"], ["x"])


def test_predictions_and_questions_of_different_numbers_are_refused():
    with pytest.raises(ValueError, match="longer"):
        squad(["x"], [["x"], ["y"]])
