"""Questions from the files of SQuAD v1.1 and v2.0 and of CMRC 2018, one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bert_core import DataError, lines

from .paragraphs import Object, read_paragraphs
from .question import Answer, Misaligned, Question


class Dialect(NamedTuple):
    """What a kind of file calls things.

    Args:
        context: The text.
        question: What is asked.
        id: The id of a question.
    """

    context: str
    question: str
    id: str


SQUAD = Dialect("context", "question", "id")
CMRC = Dialect("context_text", "query_text", "query_id")
"""CMRC 2018's first release, an array of paragraphs with answers that have no place. Its later one is as SQuAD's."""


def read_questions(path: Path, *, bad: list[DataError] | None = None) -> Iterator[Question]:
    """The questions of a file, in its order; memory is that of one paragraph and of the ids.

    SQuAD v2.0's `is_impossible` is read where it is, and its `plausible_answers` are not. Answers without a place, as
    CMRC 2018's first release has them, are taken where they occur first. An answer that the context does not have at
    its place is no error: it goes to `Question.misaligned`, as every published set has some.

    https://arxiv.org/abs/1606.05250, https://arxiv.org/abs/1806.03822, https://arxiv.org/abs/1810.07366

    Args:
        path: A file of JSON in UTF-8.
        bad: Where questions that are none are put, as errors, to be left out; None raises the first of them. What
            makes the rest of a file unreadable is raised all the same.

    Raises:
        DataError: With the file and the line.
    """
    ids: set[str] = set()
    for place, paragraph in read_paragraphs(path):
        reader = _Paragraph(path, place, paragraph)
        for index, row in enumerate(reader.rows):
            try:
                question = reader.question(index, row)
                if question.id in ids:
                    raise reader.error(f"{place}.qas[{index}] has the id {question.id!r} of a question before", row)
            except DataError as error:
                if bad is None:
                    raise
                bad.append(error)
            else:
                ids.add(question.id)
                yield question


class _Paragraph:
    """A context and the questions about it."""

    def __init__(self, path: Path, place: str, values: Object) -> None:
        self._path, self._place, self._values = path, place, values
        self._dialect = CMRC if CMRC.context in values else SQUAD
        self._context = self._text(values, self._dialect.context, place, values)
        self.rows: list[Any] = self._member(values, "qas", list, "an array", place, values)

    def error(self, what: str, row: object) -> DataError:
        line = row.line if isinstance(row, Object) else self._values.line
        return DataError.at(self._path, line, what)

    def question(self, index: int, row: object) -> Question:
        """The question at an index of the paragraph's.

        Raises:
            DataError: It is none.
        """
        place = f"{self._place}.qas[{index}]"
        if not isinstance(row, Object):
            raise self.error(f"{place} is {lines.kind(row)}, not an object", row)
        impossible = row.get("is_impossible", False)
        if not isinstance(impossible, bool):
            raise self.error(f"{place}.is_impossible is {lines.kind(impossible)}, not a boolean", row)
        answers, misaligned = self._answers(row, place, impossible)
        return Question(
            id=self._id(row, place),
            question=self._text(row, self._dialect.question, place, row),
            context=self._context,
            answers=answers,
            is_impossible=impossible,
            misaligned=misaligned,
            where=f"{self._path}:{row.line}",
        )

    def _id(self, row: Object, place: str) -> str:
        name = self._dialect.id
        if isinstance(row.get(name), int) and not isinstance(row[name], bool):
            return str(row[name])
        return self._text(row, name, place, row)

    def _answers(
        self, row: Object, place: str, impossible: bool
    ) -> tuple[tuple[Answer, ...] | None, tuple[Misaligned, ...]]:
        found = [] if row.get("answers") is None else self._member(row, "answers", list, "an array", place, row)
        if impossible and found:
            what = f"{place} is said to be impossible, and has {len(found)} answer{'' if len(found) == 1 else 's'}"
            raise self.error(what, row)
        if not found:
            return (() if impossible else None), ()
        read = [self._answer(answer, f"{place}.answers[{index}]", row) for index, answer in enumerate(found)]
        aligned = tuple(answer for answer in read if isinstance(answer, Answer))
        return aligned, tuple(answer for answer in read if isinstance(answer, Misaligned))

    def _answer(self, answer: object, place: str, row: Object) -> Answer | Misaligned:
        if isinstance(answer, str):
            return _located(self._characters(answer, row), None, self._context)
        if not isinstance(answer, Object):
            raise self.error(f"{place} is {lines.kind(answer)}, not an object", row)
        text = self._member(answer, "text", str, "a string", place, answer)
        start = self._member(answer, "answer_start", int, "an integer", place, answer)
        return _located(self._characters(text, answer), start, self._context)

    def _text(self, row: Object, name: str, place: str, at: Object) -> str:
        text: str = self._member(row, name, str, "a string", place, at)
        if not text.strip():
            raise self.error(f"{place}.{name} is empty", at)
        return self._characters(text, at)

    def _characters(self, text: str, at: Object) -> str:
        return lines.characters(text, self._path, at.line)

    def _member(self, row: Object, name: str, type_: type, wanted: str, place: str, at: Object) -> Any:
        if name not in row:
            raise self.error(f"{place} has no {name!r}", at)
        value = row[name]
        if not isinstance(value, type_) or isinstance(value, bool):
            raise self.error(f"{place}.{name} is {lines.kind(value)}, not {wanted}", at)
        return value


def _located(text: str, start: int | None, context: str) -> Answer | Misaligned:
    if text and start is None and text in context:
        return Answer(text, context.index(text))
    if text and start is not None and start >= 0 and context.startswith(text, start):
        return Answer(text, start)
    found = context[start : start + len(text)] if start is not None and start >= 0 else ""
    return Misaligned(text, start, found, _nearest(text, start or 0, context) if text else None)


def _nearest(text: str, start: int, context: str) -> int | None:
    start = min(max(start, 0), len(context))
    places = (context.rfind(text, 0, start + len(text)), context.find(text, start))
    return min((place for place in places if place >= 0), key=lambda place: abs(place - start), default=None)
