"""Sentences as records, and records as sentences: a label for each piece.

A record has `input_ids`, `attention_mask`, `token_type_ids` and, as the ModelZoo's have, `labels` of the same length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from bert_core import Arrays, DataError, Feature, TextEncoder

from .schemes import lenient_spans, parse, prefix, recognise, share_a_scheme, tags_of
from .sentence import Sentence, Span, from_words

COLUMNS: Mapping[str, Feature] = {"labels": Feature()}
CONTINUES = "X"  # what BERT's converters call the pieces of a word after its first
GLUE = "##"


def from_records(rows: Iterable[tuple[str, Arrays]], labels: Sequence[str], text: TextEncoder) -> Iterator[Sentence]:
    """A sentence of each record, with a unit for each piece, or for each word where later pieces are labelled `X`.

    Args:
        rows: For each record where it stands, for messages, and its columns.
        labels: Label names in the order of the ids in the records.
        text: The tokenizer of the vocabulary that the records were made with.

    Raises:
        DataError: A label id is beyond the labels.
    """
    for number, (where, row) in enumerate(rows, 1):
        kept = row["attention_mask"] > 0
        ids, numbers = row["input_ids"][kept].tolist(), row["labels"][kept].tolist()
        beyond = next((label for label in numbers if not 0 <= label < len(labels)), None)
        if beyond is not None:
            what = f"the label id {beyond} is beyond the {len(labels)} labels of the label file"
            raise DataError(what, where=where)
        first = int(ids[:1] == [text.cls_id])
        last = len(ids) - int(ids[-1:] == [text.sep_id])
        yield _sentence(ids[first:last], [labels[label] for label in numbers[first:last]], text, number)


def _sentence(ids: Sequence[int], tags: Sequence[str], text: TextEncoder, number: int) -> Sentence:
    spelled = text.spelled(ids)
    begins = [place for place, tag in enumerate(tags) if tag != CONTINUES or place == 0]
    units = [slice(begin, end) for begin, end in zip(begins, [*begins[1:], len(ids)], strict=True)]
    words = ["".join(piece.removeprefix(GLUE) for piece in spelled[unit]) for unit in units]
    glued = [spelled[unit.start].startswith(GLUE) for unit in units]
    plain = tuple("O" if _is_none(tags[unit.start]) else tags[unit.start] for unit in units)
    sentence = from_words(words, glued=glued, spans=lenient_spans(plain), tags=plain)
    pieces = tuple(tuple(ids[unit]) for unit in units)
    return Sentence(sentence.text, sentence.units, sentence.spans, sentence.tags, number, pieces)


def _is_none(tag: str) -> bool:
    """Whether a label names no type: that of special pieces, or of a piece without a word before it."""
    return tag == CONTINUES or tag.startswith(("[", "<"))


class RecordLabels:
    """The ids of tags in records.

    Args:
        names: Label names in the order of their ids.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._ids = {parse(name): number for number, name in enumerate(names) if not _is_none(name)}
        prefixes = [prefix(name) for name in names if name != "O" and not _is_none(name)]
        if not share_a_scheme(prefixes):
            raise DataError(f"the labels {', '.join(names)} are of no tag scheme")
        self.scheme = recognise([[name] for name in names if not _is_none(name)])

    def of(self, tags: Iterable[str]) -> list[int]:
        """The ids of tags in this scheme.

        Raises:
            DataError: One of them has none.
        """
        tags = list(tags)
        strange = next((tag for tag in tags if parse(tag) not in self._ids), None)
        if strange is not None:
            raise DataError(f"the label file has no id for {strange}", hint=f"It has: {', '.join(self.names)}")
        return [self._ids[parse(tag)] for tag in tags]


def to_records(sentences: Iterable[Sentence], labels: RecordLabels, text: TextEncoder) -> Iterator[dict[str, Any]]:
    """Records of sentences; one that is too long is cut between units, not within a span where that can be.

    Later pieces of a word are labelled as going on with its span, so that any network that labels pieces learns from
    them; `[CLS]` and `[SEP]` are labelled `O`.

    Raises:
        DataError: A tag has no id.
    """
    outside = labels.of(["O"])
    for sentence in sentences:
        room = text.max_length - 2
        pieces = [list(ids[:room]) for ids in sentence.pieces or text.pieces(sentence.words())]
        for start, end in _cuts([len(ids) for ids in pieces], sentence.spans or (), room):
            shown = pieces[start:end]
            places = [0, *accumulate(len(ids) for ids in shown)]
            inside = [span for span in sentence.spans or () if span.start < end and start < span.end]
            spans = [Span(s.type, places[max(s.start - start, 0)], places[min(s.end, end) - start]) for s in inside]
            tags = tags_of(spans, places[-1], labels.scheme)
            ids = [text.cls_id, *(piece for word in shown for piece in word), text.sep_id]
            yield {
                "input_ids": ids,
                "attention_mask": [1] * len(ids),
                "token_type_ids": [0] * len(ids),
                "labels": [*outside, *labels.of(tags), *outside],
            }


def _cuts(sizes: Sequence[int], spans: Sequence[Span], room: int) -> Iterator[tuple[int, int]]:
    """Stretches of units [start, end) that fit."""
    start = 0
    while start < len(sizes):
        end, used = start, 0
        while end < len(sizes) and used + sizes[end] <= room:
            used += sizes[end]
            end += 1
        if end < len(sizes):
            begun = [span.start for span in spans if start < span.start < end < span.end]
            end = min([end, *begun])
        yield start, end
        start = end
