"""Records that Google's script adds to fill a batch are no examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bertrun_classifier.options import ClassifierOptions
from bertrun_classifier.task import ClassifierTask

from bert_core import DataError
from bert_core.data.tfrecord_writer import tfrecord_writer
from bert_core.recorded import Reader
from bert_core.text.tokenizer import WordPiece


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """What the task reads from records whose `is_real_example` is this; each has its own number as its label."""
    vocab = tmp_path / "vocab.txt"
    vocab.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a"]), encoding="utf-8")

    def read(flags: list[int]) -> Any:
        path = tmp_path / "eval.tfrecord"
        with tfrecord_writer(path) as writer:
            for label, flag in enumerate(flags):
                real = {"input_ids": [2, 4, 3, 0], "input_mask": [1, 1, 1, 0]}
                ids = real if flag else dict.fromkeys(real, [0] * 4)  # as PaddingInputExample becomes features
                row = {**ids, "segment_ids": [0] * 4, "label_ids": [label], "is_real_example": [flag]}
                writer.write({name: np.array(values, np.int64) for name, values in row.items()})
        text = WordPiece.from_vocab(vocab, lowercase=True, max_length=4)
        return Reader(text=text).data(ClassifierTask(ClassifierOptions()), "classifier", path, "eval")

    return read


def test_rows_of_padding_are_not_counted(read: Any) -> None:
    reading = read([1, 0, 1, 0, 0])
    assert [example.label for example in reading.examples] == ["0", "2"]
    assert reading.examples[1].where == read([1, 1, 1]).examples[2].where, "a record is named by its own place"
    assert "3 records of padding, whose 'is_real_example' is 0, are left out" in reading.notes


def test_where_all_are_examples_nothing_is_said(read: Any) -> None:
    reading = read([1, 1])
    assert len(reading.examples) == 2
    assert not any("padding" in note for note in reading.notes)


def test_a_file_of_padding_alone_is_refused(read: Any) -> None:
    with pytest.raises(DataError, match="says of every record that it is padding"):
        read([0, 0])
