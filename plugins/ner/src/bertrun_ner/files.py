"""Annotated sentences from a file, whichever format it is in."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from bert_core import DataError, UsageError, lines

from .blocks import Columns
from .cluener import parse_cluener
from .conll import parse_conll
from .msra import parse_msra
from .schemes import Scheme, recognise
from .sentence import Corpus, Sentence

DataFormat = Literal["auto", "conll", "cluener", "msra", "weibo", "chinese-ner"]

# Sets in CoNLL columns by name, and whether their words end in their place in a segmented word.
_SEGMENTED = {"weibo": True, "chinese-ner": False}

# A declaration, or a tag or comment with nothing after it but the next one; words in columns may begin with `<` too.
_XML = re.compile(r"<\?xml\s|(<!--.*-->|<!DOCTYPE\s[^>]*>?|<[A-Za-z_][^<>\t]*>)\s*(<|\Z)")


def read_sentences(
    path: Path,
    *,
    word_column: int = 0,
    tag_column: int = -1,
    data_format: DataFormat = "auto",
    scheme: Scheme | None = None,
    strip_word_digits: bool | None = None,
    elements: Collection[str] = (),
    part: tuple[float, float] = (0.0, 1.0),
) -> Corpus:
    """The sentences of a file.

    Args:
        path: A file in CoNLL columns (also Weibo's and ChineseNER's), CLUENER's json lines or MSRA's XML.
        word_column: Which column is the word; negative numbers count from the end. Columns only.
        tag_column: Which column is the tag. Columns only.
        data_format: `auto` takes a file whose first line is a JSON object for CLUENER's, and one that begins with
            a tag for MSRA's.
        scheme: See `parse_conll`.
        strip_word_digits: See `parse_conll`.
        elements: The elements that count, see `parse_msra`; XML only.
        part: From which fraction of the sentences to which, both rounded down to a sentence, so that parts that meet
            share none and lose none.

    Raises:
        DataError: With the file, and the line where there is one.
        UsageError: If there is no such column or part.
    """
    if data_format == "auto":
        data_format = _recognised(lines.beginning(path))
    if data_format == "msra":
        return _part(parse_msra(path, elements), part, path)
    if data_format == "cluener":
        return _part(parse_cluener(lines.read(path), path), part, path)
    if strip_word_digits is None:
        strip_word_digits = _SEGMENTED.get(data_format)
    columns = Columns(word=word_column, tag=tag_column)
    corpus = parse_conll(lines.read(path), path, columns, scheme=scheme, strip_word_digits=strip_word_digits)
    return _part(corpus, part, path)


def is_columns(path: Path) -> bool:
    """Whether a file is neither XML nor JSON.

    Raises:
        DataError: It cannot be read as text, or is empty.
    """
    return _recognised(lines.beginning(path)) == "conll"


def _part(corpus: Corpus, part: tuple[float, float], path: Path) -> Corpus:
    first, last = part
    if not 0 <= first < last <= 1:
        hint = "Take 0 to 0.9 and 0.9 to 1, for example."
        raise UsageError(f"the part from {first:g} to {last:g} is none of a file", hint=hint)
    number = len(corpus.sentences)
    taken = corpus.sentences[int(number * first) : int(number * last)]
    if not taken:
        what = f"the part from {first:g} to {last:g} of {_count(number, 'sentence')} has none"
        raise DataError(what, where=path, hint="Take a larger part.")
    return replace(corpus, sentences=taken)


def _recognised(first: str) -> Literal["msra", "cluener", "conll"]:
    """What a file is whose first line this is."""
    if _XML.match(first):
        return "msra"
    return "cluener" if first.startswith("{") and _is_json(first) else "conll"


def _is_json(first: str) -> bool:
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return '"text"' in first  # a damaged line of CLUENER's, whose own reader says what is wrong with it


def describe(sentences: Sequence[Sentence]) -> str:
    """One line about sentences: how many, how many units, and how many spans of which type in which scheme."""
    units = sum(len(sentence.units) for sentence in sentences)
    counted = f"{_count(len(sentences), 'sentence')}, {_count(units, 'unit')}"
    annotated = [sentence.spans for sentence in sentences if sentence.spans is not None]
    if not annotated:
        return f"{counted}, not annotated"
    types = Counter(span.type for spans in annotated for span in spans)
    largest_first = sorted(types.items(), key=lambda counted: (-counted[1], counted[0]))
    by_type = ", ".join(f"{name} {number:,}" for name, number in largest_first)
    tagged = [sentence.tags for sentence in sentences if sentence.tags is not None]
    spelled = f" in {recognise(tagged)}" if tagged else ""
    missing = len(sentences) - len(annotated)
    rest = f"; {_count(missing, 'sentence')} not annotated" if missing else ""
    return f"{counted}, {_count(types.total(), 'span')}{spelled}{f' ({by_type})' if types else ''}{rest}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
