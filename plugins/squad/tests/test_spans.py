"""The search for answers against Google's loops written out."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from bertrun_squad.prediction import official_files, rendered
from bertrun_squad.question import Question
from bertrun_squad.spans import NO_SPAN, Search, search
from bertrun_squad.windows import Cut, Shown, Windows, window


class Text:
    """A tokenizer whose words are cut into pieces of two letters."""

    cls_id, sep_id, pad_id, unk_id = 2, 3, 0, 1

    def __init__(self, max_length: int) -> None:
        self.max_length = max_length

    def pieces(self, words: Sequence[str]) -> list[list[int]]:
        raise NotImplementedError

    def encode(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        spans = [match.span() for match in re.finditer(r"\w{1,2}", text)]
        return [10 for _ in spans], spans

    def spelled(self, ids: Iterable[int]) -> list[str]:
        raise NotImplementedError


CONTEXT = "ab cd ab ef gh ab cd ij kl mn op qr st uv wx yz ab cd"


def made(count: int, seed: int, max_length: int = 14) -> tuple[list[Question], list[Any], list[Any]]:
    """Questions, their windows and scores of a network, padded, some of them equal."""
    random = np.random.default_rng(seed)
    questions = [Question(f"q{n}", "who", CONTEXT[: int(random.integers(1, len(CONTEXT)))]) for n in range(count)]
    cut = Windows(Text(max_length), Cut(stride=3, question=4))
    windows = [one for index, question in enumerate(questions) for one in cut.of(index, question)]
    outputs = [np.round(random.normal(size=(max_length + 3, 2)), 1).astype(np.float32) for _ in windows]
    return questions, windows, outputs


def slow(question: Question, windows: list[Any], outputs: list[Any], how: Search) -> tuple[str, list[Any], float]:
    """Answer, list and null odds, by the loops of Google's script."""
    spans = []
    null = (math.inf, 0.0, 0.0)
    for one, logits in zip(windows, outputs, strict=True):
        scores = [(float(start), float(end)) for start, end in logits[: len(one.input_ids)]]
        null = min(null, (sum(scores[0]), *scores[0]), key=lambda found: found[0])
        for start in sorted(range(len(scores)), key=lambda n: -scores[n][0])[: how.n_best]:
            for end in sorted(range(len(scores)), key=lambda n: -scores[n][1])[: how.n_best]:
                inside = range(one.place.first, one.place.first + len(one.place.spans))
                if start not in inside or end not in inside or not one.place.best[start - one.place.first]:
                    continue
                if start <= end < start + how.max_answer_length:
                    begin = one.place.spans[start - one.place.first][0]
                    text = question.context[begin : one.place.spans[end - one.place.first][1]]
                    spans.append((text, scores[start][0], scores[end][1]))
    if how.version2:
        spans.append(("", null[1], null[2]))
    listed: list[Any] = []
    for span in sorted(spans, key=lambda one: one[1] + one[2], reverse=True):
        if len(listed) < how.n_best and span[0] not in [one[0] for one in listed]:
            listed.append(span)
    if how.version2 and "" not in [one[0] for one in listed]:
        listed.append(("", null[1], null[2]))
    best = next((one for one in listed if one[0]), None)
    odds = null[0] - best[1] - best[2] if best else NO_SPAN
    text = best[0] if best and (not how.version2 or odds <= how.null_threshold) else ""
    return text, listed, odds


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("version2", [False, True])
def test_answers_are_those_of_googles_loops(seed: int, version2: bool) -> None:
    questions, windows, outputs = made(80, seed)
    how = Search(n_best=2 + 2 * seed, max_answer_length=1 + seed, version2=version2, null_threshold=0.5 * (seed - 2))
    for index, (question, ours) in enumerate(zip(questions, search(questions, windows, outputs, how), strict=True)):
        own = [place for place, one in enumerate(windows) if one.example == index]
        text, listed, odds = slow(question, [windows[n] for n in own], [outputs[n] for n in own], how)
        assert ours.text == text
        assert [(one.text, one.start_logit, one.end_logit) for one in ours.n_best] == listed
        assert all(question.context[one.start : one.start + len(one.text)] == one.text for one in ours.n_best)
        assert ours.null_odds == (pytest.approx(odds) if version2 else None)


def test_spans_of_all_windows_are_ranked_by_their_raw_scores() -> None:
    spans = np.array([(0, 2), (3, 5)], np.int32)
    shown = [Shown(2, spans, np.array([True, True])), Shown(2, spans + 6, np.array([True, True]))]
    windows = [window(0, [2, 3, 5, 6, 3], [0, 0, 1, 1, 1], (0, 0), place) for place in shown]
    low = np.array([[-9, -9], [-9, -9], [1, 1], [-9, -9], [-9, -9]], np.float32)  # sure, next to its own others
    high = np.array([[5, 5], [5, 5], [3, 3], [4, 4], [5, 5]], np.float32)  # unsure, and greater
    (found,) = search([Question("q", "w", "ab cd ef gh")], windows, [low, high], Search(5, 5, False, 0.0))
    assert found.text == "gh"


def test_a_question_without_windows_has_no_answer() -> None:
    how = Search(20, 30, False, 0.0)
    questions, windows, outputs = made(1, 0)
    (found, _) = search([Question("e", "w", " "), *questions], [], [], how)
    assert (found.text, found.n_best, found.null_odds) == ("", (), None)
    row = rendered(Question("e", "w", " "), found)
    assert (row["answer"], row["start"], row["score"], row["n_best"]) == ("", None, None, [])
    (found,) = search([Question("e", "w", " ")], [], [], Search(20, 30, True, 0.0))
    assert (found.text, found.null_odds) == ("", NO_SPAN)
    assert windows
    assert outputs


def test_the_official_files_have_the_official_form() -> None:
    questions, windows, outputs = made(3, 1)
    found = search(questions, windows, outputs, Search(3, 5, True, 0.0))
    files = official_files(questions, found)
    assert set(files) == {"predictions.json", "nbest_predictions.json", "null_odds.json"}
    for question, one in zip(questions, found, strict=True):
        assert files["predictions.json"][question.id] == one.text
        assert files["null_odds.json"][question.id] == one.null_odds
        listed = files["nbest_predictions.json"][question.id]
        assert [set(row) for row in listed] == [{"text", "probability", "start_logit", "end_logit"}] * len(listed)
        powers = [math.exp(row["start_logit"] + row["end_logit"]) for row in listed]
        assert [row["probability"] for row in listed] == pytest.approx([one / sum(powers) for one in powers])
    plain = official_files(questions, search(questions, windows, outputs, Search(3, 5, False, 0.0)))
    assert set(plain) == {"predictions.json", "nbest_predictions.json"}


def test_the_answer_is_shown_with_its_characters() -> None:
    questions, windows, outputs = made(5, 2)
    for question, one in zip(questions, search(questions, windows, outputs, Search(20, 5, False, 0.0)), strict=True):
        row = rendered(question, one)
        assert question.context[row["start"] : row["end"]] == row["answer"] == row["n_best"][0]["text"]
        assert row["score"] == pytest.approx(one.n_best[0].score, abs=1e-4)
