"""A question about a text, with its answers and those that are not where they are said to be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """Characters of a context.

    Args:
        text: The answer; `context[start:start + len(text)]`.
        start: Its first character in the context, from 0, in code points.
    """

    text: str
    start: int


@dataclass(frozen=True)
class Misaligned:
    """An annotated answer that the context does not have where the file says.

    Args:
        text: The answer.
        start: Where it is said to begin; None where the file does not say.
        found: What the context has there.
        nearest: The place nearest to it where the context has the answer; None where it has it nowhere.
    """

    text: str
    start: int | None
    found: str
    nearest: int | None

    def __str__(self) -> str:
        elsewhere = "the context has it nowhere" if self.nearest is None else f"it is at {self.nearest}"
        if self.start is None:
            return f"the answer {_short(self.text)} has no place, and {elsewhere}"
        return (
            f"the answer {_short(self.text)} is said to be at {self.start}, where {_short(self.found)} is; {elsewhere}"
        )


@dataclass(frozen=True)
class Question:
    """A question about a context.

    Args:
        id: Its id, one of its kind in the file.
        question: What is asked.
        context: The text that may answer it.
        answers: Acceptable answers, all of them where they are said to be; None where nobody answered, as in test
            files; empty where it cannot be answered, or where all answers are misaligned.
        is_impossible: Whether the context does not answer it (SQuAD v2.0).
        misaligned: Annotated answers that are left out of `answers`.
        where: The file and the line at which it begins, `FILE:LINE`.
    """

    id: str
    question: str
    context: str
    answers: tuple[Answer, ...] | None = None
    is_impossible: bool = False
    misaligned: tuple[Misaligned, ...] = ()
    where: str = ""


def misalignments(questions: Iterable[Question]) -> list[str]:
    """A sentence for each misaligned answer, with the file, the line and the question's id."""
    return [f"{one.where}: question {one.id}: {answer}" for one in questions for answer in one.misaligned]


def shown(question: Question) -> dict[str, Any]:
    """A question with its answers, as a JSON object with offsets into its context."""
    answers = [
        {"text": one.text, "start": one.start, "end": one.start + len(one.text)} for one in question.answers or ()
    ]
    row = {"id": question.id, "question": question.question, "context": question.context}
    return {**row, "answers": answers, "is_impossible": question.is_impossible}


def describe(questions: Iterable[Question]) -> str:
    """One line about questions: how many, how many cannot be answered, and how many answers they have."""
    number = answers = impossible = bare = misaligned = 0
    for one in questions:
        number += 1
        answers += len(one.answers or ())
        impossible += one.is_impossible
        bare += one.answers is None
        misaligned += len(one.misaligned)
    parts = [_count(number, "question")]
    parts += [f"{impossible:,} without an answer in the text"] if impossible else []
    parts += [f"{bare:,} not annotated"] if bare else []
    parts += [_count(answers, "answer")] if bare < number else []
    parts += [f"{_count(misaligned, 'answer')} left out that the text does not have at its place"] if misaligned else []
    return ", ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}...")
