"""Sentences from CLUENER's json lines: a text, and for each type its mentions with their characters."""

from __future__ import annotations

import json
from bisect import bisect
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bert_core import DataError, lines

from .sentence import Corpus, Sentence, Span, from_text

_EXAMPLE = 'A line is {"text": "...", "label": {TYPE: {MENTION: [[FIRST, LAST], ...]}}}; the last character counts.'


class _Mention(NamedTuple):
    type: str
    text: str
    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.type} {self.text!r}"


def parse_cluener(numbered: Iterable[tuple[int, str]], path: Path) -> Corpus:
    """The sentences of a CLUENER file; each character that is not white space is a unit.

    White space is no unit and gets no label: a span that has some inside is the units on both sides,
    and gets its own text back; at the edge of a mention it is left out. A line without `label` is not
    annotated. Of mentions that overlap the longest is kept, the first of equal ones, then the type
    that sorts first, as a tagger has one label for a character (1 line of CLUENER's 2,500 in our excerpt).

    https://arxiv.org/abs/2001.04351

    Args:
        numbered: The lines of the file, each with its number; taken one at a time.
        path: Its path, for messages.

    Raises:
        DataError: With the line.
    """
    sentences: list[Sentence] = []
    dropped: list[str] = []
    for number, line in numbered:
        if line.strip():
            sentence, left_out = _sentence(line, path, number)
            sentences.append(sentence)
            dropped += [f"line {number}: {mention} in {kept}" for mention, kept in left_out]
    if not sentences:
        raise DataError("the file has no sentence", where=path, hint=_EXAMPLE)
    if not dropped:
        return Corpus(tuple(sentences))
    counted = (
        "1 mention overlaps a longer one and was"
        if len(dropped) == 1
        else (f"{len(dropped):,} mentions overlap longer ones and were")
    )
    return Corpus(tuple(sentences), (f"{counted} left out; {dropped[0]}",))


def _sentence(line: str, path: Path, number: int) -> tuple[Sentence, list[tuple[_Mention, _Mention]]]:
    row = _row(line, path, number)
    sentence = from_text(row["text"], "character")
    units = sentence.units
    if not units:
        raise DataError.at(path, number, "the text is empty", hint="Remove the line.")
    if row.get("label") is None:
        return Sentence(sentence.text, units, line=number), []
    kept, left_out = _longest(list(_mentions(row["text"], row["label"], path, number)))
    kept.sort(key=lambda one: one.start)
    spans = tuple([Span(one.type, bisect(units, (one.start,)), bisect(units, (one.end,))) for one in kept])
    return Sentence(sentence.text, units, spans, line=number), left_out


def _row(line: str, path: Path, number: int) -> dict[str, Any]:
    row = lines.parse(line, path, number, hint=_EXAMPLE)
    if not isinstance(row.get("text"), str):
        found = f"its 'text' is {lines.kind(row['text'])}, not a string" if "text" in row else "it has no 'text'"
        raise DataError.at(path, number, f"the line is no example: {found}", hint=_EXAMPLE)
    lines.characters(row["text"], path, number)
    return row


def _mentions(text: str, label: object, path: Path, number: int) -> Iterator[_Mention]:
    for name, mentions in _object(label, "'label'", path, number).items():
        if not name.strip():
            raise DataError.at(path, number, "a type has an empty name", hint=_EXAMPLE)
        for mention, places in _object(mentions, f"the type {name!r}", path, number).items():
            if not isinstance(places, list):
                what = f"the places of {name} {mention!r} are {lines.kind(places)}, not an array"
                raise DataError.at(path, number, what, hint=_EXAMPLE)
            for place in places:
                yield _mention(text, name, mention, place, path, number)


def _object(value: object, what: str, path: Path, number: int) -> dict[str, object]:
    if not isinstance(value, dict):
        raise DataError.at(path, number, f"{what} is {lines.kind(value)}, not an object", hint=_EXAMPLE)
    return value


def _mention(text: str, name: str, mention: str, place: object, path: Path, number: int) -> _Mention:
    if not (isinstance(place, list) and [type(bound) for bound in place] == [int, int]):
        what = f"the place {json.dumps(place, ensure_ascii=False)} of {name} {mention!r} is not a pair of integers"
        raise DataError.at(path, number, what, hint=_EXAMPLE)
    first, last = place
    if not 0 <= first <= last < len(text):
        what = f"the place [{first}, {last}] of {name} {mention!r} is not within a text of {len(text)} characters"
        raise DataError.at(path, number, what, hint=_EXAMPLE)
    found = text[first : last + 1]
    if found != mention:
        what = f"the characters [{first}, {last}] are {found!r}, but {name} says {mention!r}"
        raise DataError.at(path, number, what, hint="Offsets count characters from 0, and the last one is included.")
    if not mention.strip():
        raise DataError.at(path, number, f"the mention {mention!r} of {name} is white space", hint=_EXAMPLE)
    start = first + len(mention) - len(mention.lstrip())
    return _Mention(name, mention.strip(), start, start + len(mention.strip()))


def _longest(mentions: list[_Mention]) -> tuple[list[_Mention], list[tuple[_Mention, _Mention]]]:
    kept: list[_Mention] = []
    left_out: list[tuple[_Mention, _Mention]] = []
    for one in sorted(set(mentions), key=lambda one: (one.start - one.end, one.start, one.type)):
        other = next((other for other in kept if one.start < other.end and other.start < one.end), None)
        if other is None:
            kept.append(one)
        else:
            left_out.append((one, other))
    return kept, left_out
