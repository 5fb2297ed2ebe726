"""The rows that tasks read: each record is checked once, when it is first read, and what was learnt is remembered."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

from bert_core import recorded
from bert_core.data.columns import Column
from bert_core.data.records import open_records
from bert_core.errors import DataError
from bert_core.recorded import RecordRows

COLUMNS = [Column("input_ids", "int32"), Column("attention_mask", "int32"), Column("masked_lm_ids", "int32")]


@pytest.fixture
def path(tmp_path, make_rows, write_tfrecord):
    """Ten records, the fourth of which has a piece that the vocabulary lacks."""
    rows = make_rows(10)
    for row in rows:
        row["input_ids"] = row["input_ids"] % 100
        row["masked_lm_ids"] = row["masked_lm_ids"] % 100
    rows[3]["masked_lm_ids"][1] = 100
    path = write_tfrecord(tmp_path / "a.tfrecord", rows)
    os.utime(path, ns=(time.time_ns(), time.time_ns() - 10**10))
    return path


def rows_of(path, vocabulary=100):
    return RecordRows(open_records(path), COLUMNS, {"input_ids": vocabulary, "masked_lm_ids": vocabulary})


def lengths(rows):
    return {"lengths": np.array([int(row["attention_mask"].sum()) for _, row in rows], np.int32)}


def test_a_record_that_cannot_be_is_refused_wherever_it_is_read_first(path):
    rows = rows_of(path)
    assert len(rows.take([0, 9, 4])) == 3
    for numbers in ([3], [9, 3, 0]):
        with pytest.raises(DataError, match="'masked_lm_ids' holds 100, and the vocabulary has 100") as caught:
            rows.take(numbers)
        assert "record 4 " in str(caught.value.where)
    with pytest.raises(DataError):
        list(rows)


def test_a_record_is_checked_once(path, monkeypatch):
    checked = []
    monkeypatch.setattr(recorded, "check_rows", lambda records, numbers, *rest: checked.append(list(numbers)))
    rows = rows_of(path, 101)
    rows.take([2, 5])
    rows.take([5, 1, 2])
    assert len(list(rows)) == 10
    assert rows.take([]) == []
    assert checked == [[2, 5], [1], [0, 3, 4, 6, 7, 8, 9]]


def test_what_was_learnt_is_remembered_and_so_is_that_all_is_well(path, monkeypatch):
    rows = rows_of(path, 101)
    first = rows.remembered("lengths", lambda: lengths(rows))
    monkeypatch.setattr(recorded, "check_rows", None)
    again = rows_of(path, 101)
    assert again.remembered("lengths", lambda: {})["lengths"].tolist() == first["lengths"].tolist()
    assert len(again.take(range(10))) == 10


def test_what_was_refused_or_asked_of_another_vocabulary_is_not_remembered(path):
    good = rows_of(path, 101)
    good.remembered("lengths", lambda: lengths(good))
    for _ in range(2):
        rows = rows_of(path)
        with pytest.raises(DataError):
            rows.remembered("lengths", lambda rows=rows: lengths(rows))
