"""Windows as records and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bertrun_squad.options import SquadOptions
from bertrun_squad.question import Answer, Question
from bertrun_squad.task import SquadTask

from bert_core import DataError

LATER = 1000  # added to the id of a letter that is not the first of its word
OPTIONS = SquadOptions(doc_stride=4, max_query_length=5)
CONTEXT = "Ab cde f ghi jk lm no"
QUESTIONS = [
    Question("a", "who is", CONTEXT, (Answer("ghi", 9),)),
    Question("b", "who", CONTEXT, (Answer("Ab", 0),)),
    Question("c", "not", CONTEXT, (), is_impossible=True),
]


class Text:
    """A tokenizer whose words are cut into their letters."""

    cls_id, sep_id, pad_id, unk_id, max_length = 2, 3, 0, 1, 16

    def pieces(self, words: Sequence[str]) -> list[list[int]]:
        raise NotImplementedError

    def encode(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        places = [place for place, letter in enumerate(text) if letter != " "]
        ids = [ord(text[p].lower()) + LATER * (p > 0 and text[p - 1] != " ") for p in places]
        return ids, [(place, place + 1) for place in places]

    def spelled(self, ids: Iterable[int]) -> list[str]:
        return ["##" * (number > LATER) + chr(number % LATER) for number in ids]


def rows(length: int = 20) -> list[tuple[str, dict[str, Any]]]:
    """Records as a file of the ModelZoo has them: rows filled up with zeros, and single numbers in rows of one."""
    single = {"start_positions", "end_positions", "unique_ids", "is_impossible"}
    found = []
    for number, row in enumerate(SquadTask(OPTIONS).to_records(QUESTIONS, Text())):
        filled = {n: np.array([*v, *[0] * (0 if n in single else length - len(v))], np.int32) for n, v in row.items()}
        found.append((f"record {number}", filled))
    return found


def test_windows_survive_records() -> None:
    task = SquadTask(OPTIONS)
    before = task.encode(QUESTIONS, Text())
    reading = task.from_records(rows(), Text(), Path("x"))
    after = task.encode(reading.examples, Text())
    assert len(before) == len(after) > 3
    assert reading.summary == f"{len(after)} windows of records, 2 with an answer"
    for index, (one, other) in enumerate(zip(before, after, strict=True)):
        assert other.example == index
        np.testing.assert_array_equal(one.input_ids, other.input_ids)
        np.testing.assert_array_equal(one.token_type_ids, other.token_type_ids)
        for name in ("start_positions", "end_positions"):
            assert one.features[name] == other.features[name]
        shown = QUESTIONS[one.example]
        place = slice(*other.place.spans[[0, -1]].ravel()[[0, -1]])
        expected = shown.context[one.place.spans[0, 0] : one.place.spans[-1, 1]].lower()
        assert reading.examples[index].context[place].replace(" ", "") == expected.replace(" ", "")
    assert [example.id for example in reading.examples] == [str(1_000_000_000 + number) for number in range(len(after))]


def test_answers_are_spelled_as_their_pieces() -> None:
    task = SquadTask(OPTIONS)
    examples = task.from_records(rows(), Text(), Path("x")).examples
    task.learn(examples)
    assert task.state() == {"version2": True, "metric": "squad2", "threshold": 0.0}
    answered = [example for example in examples if example.answers]
    assert {task.reference(example) for example in answered} == {("ghi",), ("ab",)}
    assert {example.question for example in answered} == {"who is", "who"}
    for example in answered:
        (answer,) = example.answers
        assert example.context[answer.start : answer.start + len(answer.text)] == answer.text
    assert {task.reference(example) for example in examples if not example.answers} == {()}


def test_a_window_without_the_answer_has_the_empty_one_where_every_question_has_one() -> None:
    task = SquadTask(OPTIONS)
    examples = [one for one in task.from_records(rows(), Text(), Path("x")).examples if not one.is_impossible]
    task.learn(examples)
    assert task.metrics == ("squad",)
    assert {task.reference(example) for example in examples if not example.answers} == {("",)}


@pytest.mark.parametrize(("start", "end"), [(1, 2), (9, 40), (9, 8), (0, 9)])
def test_an_answer_outside_of_the_text_is_refused(start: int, end: int) -> None:
    ((where, row), *_) = rows()
    row |= {"start_positions": np.array([start]), "end_positions": np.array([end])}
    with pytest.raises(
        DataError, match=f"record 0: the answer is said to be the pieces {start} to {end}, and the text"
    ):
        SquadTask(OPTIONS).from_records([(where, row)], Text(), Path("x"))
