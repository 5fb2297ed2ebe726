"""Sentences as other systems marked them, beside their annotation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bert_core import DataError, lines

from .blocks import Columns
from .conll import tagged_sentences
from .files import is_columns, read_sentences
from .metrics import Tagging
from .schemes import IOB1, IOB2, SCHEMES, Scheme, parse, prefix, recognise, strict_spans, tags_of, trained
from .sentence import Sentence, from_words

_ROW = 'A line is {"words": ["..."], "tags": ["..."]}, as in the predictions.jsonl of a run.'


def taggings(
    data: Path, predictions: Path | None, gold: Columns, predicted: Columns, scheme: str
) -> tuple[list[Tagging], list[Tagging]]:
    """What a system said of sentences, and their annotation.

    Args:
        data: An annotated file.
        predictions: The same sentences as a system marked them; None where they are in a column of `data`.
        gold: The columns of `data`, where it has columns.
        predicted: Those of `predictions`.
        scheme: The tag scheme of `data`; `auto` recognises it.

    Raises:
        DataError: A file is no such file, or they have other sentences.
        UsageError: There is no such column.
    """
    declared = None if scheme == "auto" else SCHEMES[scheme]
    right = read_sentences(data, word_column=gold.word, tag_column=gold.tag, scheme=declared).sentences
    bare = next((one for one in right if one.spans is None), None)
    if bare is not None:
        raise DataError.at(data, bare.line, "this sentence is not annotated")
    found = _read(predictions or data, predicted)
    _check_same(found, right, predictions or data, data)
    scheme_ = declared or _scheme(right) or IOB2
    said = [_said(one, other, _own_scheme(found, scheme_)) for one, other in zip(found, right, strict=True)]
    return said, [_annotated(one, scheme_) for one in right]


def _scheme(sentences: Sequence[Sentence]) -> Scheme | None:
    """The scheme of the tags; None where there are none."""
    tags = [one.tags for one in sentences if one.tags is not None]
    return recognise(tags) if tags else None


def _own_scheme(found: Sequence[Sentence], scheme: Scheme) -> Scheme:
    """The annotation's, or another one where it lacks prefixes of the predictions."""
    prefixes = {prefix(tag) for one in found for tag in one.tags or () if tag != "O"}
    if prefixes <= (set(scheme.prefixes) or {""}):
        return scheme
    own = _scheme(found) or scheme
    return IOB2 if own is IOB1 else own  # tags of a system break rules, so that fewer breaks say nothing


def _read(path: Path, columns: Columns) -> tuple[Sentence, ...]:
    if is_columns(path):
        return tagged_sentences(lines.read(path), path, columns)
    first = lines.beginning(path)
    if first.startswith("{") and '"tags"' in first:
        return tuple(_row(line, path, number) for number, line in lines.read(path) if line.strip())
    return read_sentences(path).sentences


def _row(line: str, path: Path, number: int) -> Sentence:
    row = lines.parse(line, path, number, hint=_ROW)
    words, tags = (_texts(row.get(name), name, path, number) for name in ("words", "tags"))
    if len(words) != len(tags):
        raise DataError.at(path, number, f"there are {len(words)} words and {len(tags)} tags", hint=_ROW)
    return from_words(words, tags=tags, line=number)


def _texts(values: object, name: str, path: Path, number: int) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(one, str) and one for one in values):
        raise DataError.at(path, number, f"the {name} are no array of texts", hint=_ROW)
    return tuple(values)


def _check_same(found: Sequence[Sentence], right: Sequence[Sentence], path: Path, data: Path) -> None:
    """Refuse predictions of other sentences; those of one column have no words to compare."""
    if len(found) != len(right):
        what = f"the file has {len(found):,} sentences, and {data} has {len(right):,}"
        raise DataError(what, where=path, hint="Are they the same data, in the same order?")
    for one, other in zip(found, right, strict=True):
        if len(one.units) != len(other.units):
            what = f"this sentence has {len(one.units)} words, and that of {data}:{other.line} has {len(other.units)}"
            raise DataError.at(path, one.line, what)
        if one.words() != other.words() and one.words() != one.tags:
            pairs = zip(one.words(), other.words(), strict=True)
            mine, theirs = next(pair for pair in pairs if pair[0] != pair[1])
            what = f"this sentence has the word {mine!r} where that of {data}:{other.line} has {theirs!r}"
            raise DataError.at(path, one.line, what)


def _said(found: Sentence, right: Sentence, scheme: Scheme) -> Tagging:
    if found.tags is None:
        return _annotated(replace(right, spans=found.spans, tags=None), scheme)
    return Tagging(sentence=right, tags=_spelled(found.tags), spans=strict_spans(found.tags, scheme))


def _annotated(sentence: Sentence, scheme: Scheme) -> Tagging:
    spans = sentence.spans or ()
    tags = sentence.tags or tags_of(spans, len(sentence.units), trained(scheme))
    return Tagging(sentence=sentence, tags=_spelled(tags), spans=spans)


def _spelled(tags: Sequence[str]) -> tuple[str, ...]:
    """Tags in the letters of BIOES, whatever those of the file."""
    return tuple("-".join(part for part in parse(tag) if part) for tag in tags)
