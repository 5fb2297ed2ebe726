"""Sentences as records and back: no label goes to another piece, and ids follow the label file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bertrun_ner.label_file import read_labels
from bertrun_ner.options import NerOptions
from bertrun_ner.records import RecordLabels, from_records, to_records
from bertrun_ner.sentence import Sentence, Span, from_words
from bertrun_ner.task import NerTask
from hypothesis import given
from hypothesis import strategies as st

from bert_core import DataError, UsageError

LATER = 1000  # added to the id of a letter that is not the first of its word


class Text:
    """A tokenizer whose words are cut into their letters."""

    cls_id, sep_id, pad_id, unk_id = 2, 3, 0, 1

    def __init__(self, max_length: int = 50) -> None:
        self.max_length = max_length

    def pieces(self, words: Sequence[str]) -> list[list[int]]:
        return [[ord(letter) + LATER * (place > 0) for place, letter in enumerate(word)] for word in words]

    def encode(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        raise AssertionError("sentences are cut into words already")

    def spelled(self, ids: Iterable[int]) -> list[str]:
        return ["##" * (number > LATER) + chr(number % LATER) for number in ids]


def padded(rows: Iterable[dict[str, Any]], length: int = 60) -> list[tuple[str, dict[str, Any]]]:
    """Records as a file of the ModelZoo has them: each row filled up with zeros."""
    filled = [
        {name: np.array([*values, *[0] * (length - len(values))], np.int32) for name, values in row.items()}
        for row in rows
    ]
    return [(f"record {number}", row) for number, row in enumerate(filled)]


@st.composite
def sentences(draw: st.DrawFn) -> Sentence:
    words = draw(st.lists(st.text("abc", min_size=1, max_size=4), min_size=1, max_size=12))
    spans, start = [], 0
    while start < len(words):
        end = start + draw(st.integers(1, 3))
        if end <= len(words) and draw(st.booleans()):
            spans.append(Span(draw(st.sampled_from(["PER", "LOC"])), start, end))
        start = end
    return from_words(words, spans=tuple(spans))


BIO = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
BMES = ("O", "S_PER", "B_PER", "M_PER", "E_PER", "S_LOC", "B_LOC", "M_LOC", "E_LOC")


@pytest.mark.parametrize("labels", [BIO, BMES])
@given(sentence=sentences())
def test_there_and_back_the_same_characters_are_named(labels: Sequence[str], sentence: Sentence) -> None:
    (row,) = to_records([sentence], RecordLabels(labels), Text())
    assert len({len(values) for values in row.values()}) == 1
    assert (row["input_ids"][0], row["input_ids"][-1]) == (2, 3)
    assert (row["labels"][0], row["labels"][-1]) == (0, 0)
    (found,) = from_records(padded([row]), labels, Text())
    assert "".join(found.words()) == "".join(sentence.words())
    assert found.text.replace(" ", "") == sentence.text.replace(" ", "")
    assert found.pieces == tuple((number,) for number in row["input_ids"][1:-1])

    def named(one: Sentence) -> list[tuple[str, int, int]]:
        lengths = [0, *np.cumsum([len(word) for word in one.words()])]
        return [(span.type, lengths[span.start], lengths[span.end]) for span in one.spans or ()]

    assert named(found) == named(sentence)


@given(sentence=sentences(), max_length=st.integers(6, 12))
def test_what_is_too_long_is_cut_and_nothing_lost(sentence: Sentence, max_length: int) -> None:
    rows = list(to_records([sentence], RecordLabels(BIO), Text(max_length)))
    assert all(len(row["input_ids"]) <= max_length for row in rows)
    pieces = [number for row in rows for number in row["input_ids"][1:-1]]
    assert pieces == [number for word in Text().pieces(sentence.words()) for number in word]
    whole = [number for row in to_records([sentence], RecordLabels(BIO), Text(99)) for number in row["labels"][1:-1]]
    cut = [number for row in rows for number in row["labels"][1:-1]]
    for label, wanted in zip(cut, whole, strict=True):  # a span longer than the room begins again
        assert label == wanted or (BIO[wanted][0] == "I" and BIO[label] == f"B{BIO[wanted][1:]}")


def test_a_span_that_fits_is_not_cut() -> None:
    sentence = from_words(["a"] * 8, spans=(Span("PER", 3, 6),))
    rows = list(to_records([sentence], RecordLabels(BIO), Text(7)))
    assert [row["labels"][1:-1] for row in rows] == [[0, 0, 0], [3, 4, 4, 0, 0]]


def test_later_pieces_that_are_labelled_x_belong_to_their_word() -> None:
    names = ("X", "O", "B-PER", "I-PER", "[CLS]", "[SEP]")
    ids = [2, *[ord("a"), ord("b") + LATER, ord("c"), ord("d")], 3]
    row = {"input_ids": ids, "attention_mask": [1] * 6, "token_type_ids": [0] * 6, "labels": [4, 2, 0, 3, 1, 5]}
    (found,) = from_records(padded([row]), names, Text())
    assert found.words() == ("ab", "c", "d")
    assert found.spans == (Span("PER", 0, 2),)
    assert found.pieces == ((ord("a"), ord("b") + LATER), (ord("c"),), (ord("d"),))


def test_an_id_beyond_the_labels_is_refused_with_its_place() -> None:
    row = {"input_ids": [2, 97, 3], "attention_mask": [1] * 3, "token_type_ids": [0] * 3, "labels": [0, 5, 0]}
    with pytest.raises(DataError, match="record 0: the label id 5 is beyond the 5 labels of the label file"):
        list(from_records(padded([row]), BIO, Text()))


def test_a_tag_without_an_id_is_refused() -> None:
    with pytest.raises(DataError, match="the label file has no id for B-ORG"):
        list(to_records([from_words(["a"], spans=(Span("ORG", 0, 1),))], RecordLabels(BIO), Text()))


@pytest.mark.parametrize(
    ("content", "labels"),
    [
        ("O\nB-PER\nI-PER\n", ("O", "B-PER", "I-PER")),
        ("PER\nLOC\n", BMES),
        ("O\nPER\n[CLS]\n[SEP]\n<START>\n", ("O", "S_PER", "B_PER", "M_PER", "E_PER")),
        ('{"O": 0, "I-PER": 2, "B-PER": 1}', ("O", "B-PER", "I-PER")),
        ('{"2": "I-PER", "0": "O", "1": "B-PER"}', ("O", "B-PER", "I-PER")),
        ("X\nO\nB-PER\nI-PER\n[CLS]\n[SEP]", ("X", "O", "B-PER", "I-PER", "[CLS]", "[SEP]")),
    ],
)
def test_ids_are_those_of_the_label_file(content: str, labels: Sequence[str], tmp_path: Path) -> None:
    path = tmp_path / "labels"
    path.write_text(content, encoding="utf-8")
    assert read_labels(path) == labels


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("O\nB-PER\nB-PER\n", "the label file says 'B-PER' twice"),
        ('{"O": 0, "B-PER": 2}', "the label file's ids are not 0 to 1, each once"),
        ('{"O": 0, "B-PER": 0}', "the label file's ids are not 0 to 1, each once"),
    ],
)
def test_a_label_file_with_doubtful_ids_is_refused(content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "labels"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        read_labels(path)


def test_a_task_reads_records_by_the_labels_beside_them_and_learns_its_own_order(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("\n".join(BMES), encoding="utf-8")
    sentence = from_words(["ab", "c"], spans=(Span("PER", 0, 1),))
    rows = padded(to_records([sentence], RecordLabels(BMES), Text()))
    task = NerTask(NerOptions())
    reading = task.from_records(rows, Text(), tmp_path / "train.tfrecord")
    assert reading.summary == "1 sentence, 3 units, 1 span in BIOES (PER 1)"
    task.learn(reading.examples)
    assert task.labels == ("O", "B-PER", "I-PER", "E-PER", "S-PER")
    (window,) = task.encode(reading.examples, Text())
    assert window.input_ids == rows[0][1]["input_ids"][:5].tolist()
    assert [task.labels[number] for number in window.features["labels"]] == ["B-PER", "E-PER", "O"]


def test_without_a_label_file_records_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing says which label has which id"):
        NerTask(NerOptions()).from_records([], Text(), tmp_path / "train.tfrecord")
