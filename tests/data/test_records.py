"""Sources of records: files, folders and globs, bad records, and checks of columns."""

from __future__ import annotations

import os

import numpy as np
import pytest

from bert_core.data.bad_records import BadRecords
from bert_core.data.checks import check_columns
from bert_core.data.columns import Column
from bert_core.data.records import is_records, open_records
from bert_core.errors import DataError, UsageError


def numbered(*numbers):
    return [{"x": np.array([number])} for number in numbers]


def values(records):
    return [int(row["x"][0]) for row in records.read_many(range(len(records)))]


class TestSources:
    @pytest.fixture
    def folder(self, tmp_path, write_tfrecord):
        folder = tmp_path / "records"
        folder.mkdir()
        write_tfrecord(folder / "b.tfrecord", numbered(2, 3, 4))
        write_tfrecord(folder / "a.tfrecord", numbered(0, 1))
        write_tfrecord(folder / "c.other", numbered(5))
        (folder / "empty.tfrecord").touch()
        (folder / "README.md").write_text("about")
        (folder / "schema.json").write_text("{}")
        return folder

    def test_files_come_in_the_order_of_their_names(self, folder):
        assert values(open_records(folder)) == [0, 1, 2, 3, 4, 5]
        assert values(open_records(str(folder / "*.tfrecord"))) == [0, 1, 2, 3, 4]
        assert values(open_records(folder / "b*")) == [2, 3, 4]
        assert values(open_records(folder / "b.tfrecord")) == [2, 3, 4]

    def test_records_are_given_in_the_order_that_is_asked_for(self, folder):
        records = open_records(folder)
        rows = records.read_many(np.array([5, 0, 3, 3, 1]))
        assert [int(row["x"][0]) for row in rows] == [5, 0, 3, 3, 1]
        assert records.read_many([]) == []
        assert records.where(3).startswith(f"{folder / 'b.tfrecord'}: record 2 at byte ")
        for index in (-1, 6):
            with pytest.raises(IndexError, match="counted from 0"):
                records.read(index)

    def test_what_is_records_and_what_is_text(self, folder, tmp_path):
        text = tmp_path / "train.json"
        text.write_text('{"text": "a"}')
        assert [is_records(source) for source in (folder, folder / "c.other", folder / "*.tfrecord")] == [True] * 3
        assert is_records(folder / "empty.tfrecord")  # so that it is told that it is empty
        assert [is_records(source) for source in (text, tmp_path / "none", tmp_path / "*.none")] == [False] * 3

    def test_a_pipe_is_not_looked_into(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        assert not is_records(tmp_path / "pipe")
        with pytest.raises(DataError, match="it is not a file"):
            open_records(tmp_path / "pipe")

    @pytest.mark.parametrize(
        ("name", "said"),
        [("none", "no such file or folder"), ("*.none", "no file has such a name"), ("void", "no file")],
    )
    def test_what_is_not_there(self, tmp_path, name, said):
        (tmp_path / "void").mkdir()
        with pytest.raises(DataError, match=said):
            open_records(tmp_path / name)

    def test_a_stranger_in_a_folder_is_named(self, folder):
        (folder / "notes").write_text("text")
        with pytest.raises(DataError, match="neither a TFRecord nor a MindRecord") as caught:
            open_records(folder)
        assert caught.value.where == str(folder / "notes")

    def test_files_of_other_columns_are_named(self, folder, write_tfrecord):
        write_tfrecord(folder / "d.tfrecord", [{"x": np.array([1.0], np.float32)}])
        with pytest.raises(DataError, match=r"its columns are x float32 \[-1\], and those of .*a.tfrecord are x int64"):
            open_records(folder)


class TestBadRecords:
    @pytest.fixture
    def damaged(self, tmp_path, write_tfrecord, aged):
        """Eight records in two files, of which numbers 1, 4 and 7 cannot be read, each for another reason."""
        first = write_tfrecord(tmp_path / "a.tfrecord", numbered(0, 1, 2, 3))
        content = bytearray(first.read_bytes())
        size = len(content) // 4
        content[size + 20] ^= 1
        first.write_bytes(content)
        rows = numbered(4, 5, 6, 7)
        rows[0] = {"y": np.array([4])}
        second = write_tfrecord(tmp_path / "b.tfrecord", [rows[1], rows[0], rows[2], rows[3]])
        second.write_bytes(second.read_bytes()[:-3])
        aged(first)
        aged(second)
        return tmp_path

    def test_the_first_one_stops(self, damaged):
        with pytest.raises(DataError, match="does not have the checksum") as caught:
            open_records(damaged)
        assert caught.value.where.startswith(f"{damaged / 'a.tfrecord'}: record 2 at byte ")

    def test_as_many_are_left_out_as_are_allowed(self, damaged):
        records = open_records(damaged, on_bad=BadRecords(3))
        assert values(records) == [0, 2, 3, 5, 6]
        assert [note.split(": ")[0] for note in records.notes] == ["left out"] * 3
        assert [note.split(" at byte")[0].rpartition("/")[2] for note in records.notes] == [
            "a.tfrecord: record 2",
            "b.tfrecord: record 2",
            "b.tfrecord: record 4",
        ]
        assert records.where(1).startswith(f"{damaged / 'a.tfrecord'}: record 3 ")

    def test_one_more_stops(self, damaged):
        with pytest.raises(DataError, match="the file ends inside the record") as caught:
            open_records(damaged, on_bad=BadRecords(2))
        assert "`--on-bad-record skip:2` leaves out 2" in caught.value.hint

    def test_the_rows_of_a_schema_are_counted_without_them(self, damaged, tmp_path):
        from bert_core.data.schema import Schema

        records = open_records(damaged, schema=Schema(rows=4), on_bad=BadRecords(3))
        assert values(records) == [0, 2, 3, 5]

    @pytest.mark.parametrize(("text", "limit"), [("error", 0), ("skip:0", 0), ("skip:12", 12)])
    def test_what_users_say(self, text, limit):
        assert BadRecords.parse(text) == BadRecords(limit)
        assert str(BadRecords.parse(text)) == ("error" if not limit else text)

    @pytest.mark.parametrize("text", ["", "skip:", "skip:-1", "skip:1.5", "SKIP:1", "skip:1234567890", "skip:١"])
    def test_what_they_may_not_say(self, text):
        with pytest.raises(UsageError, match="'error' or 'skip:N'"):
            BadRecords.parse(text)


class TestChecks:
    WANTED = (Column("input_ids", "int32", (4,)), Column("labels", "int32"), Column("w", "float32"))

    def records(self, tmp_path, write_tfrecord, **last):
        row = {"input_ids": np.arange(4), "label_ids": np.array([1]), "w": np.ones(1, np.float32)}
        rows = [row] * 300 + [{**row, **last}]
        return open_records(write_tfrecord(tmp_path / "a.tfrecord", rows))

    def test_what_fits_passes(self, tmp_path, write_tfrecord):
        records = self.records(tmp_path, write_tfrecord)
        check_columns(records, self.WANTED, vocab_size=4, limits={"labels": 2})

    def test_a_missing_column(self, tmp_path, write_tfrecord):
        records = self.records(tmp_path, write_tfrecord)
        with pytest.raises(DataError, match="no column 'attention_mask' or 'input_mask'; there are input_ids, la"):
            check_columns(records, [Column("attention_mask", "int32")])

    @pytest.mark.parametrize(
        ("last", "said"),
        [
            ({"input_ids": np.arange(3)}, r"'input_ids' has 3 values and should have the shape \[4\]"),
            ({"input_ids": np.array([0, 1, 2, 4])}, "'input_ids' holds 4, and the vocabulary has 4 pieces"),
            ({"input_ids": np.array([0, 1, 2, -1])}, "'input_ids' holds -1, and the vocabulary"),
            ({"label_ids": np.array([2**40])}, "'labels' holds a number of more than 32 bits"),
            ({"label_ids": np.array([0, 2])}, "'labels' holds 2, and should hold 0 to 1"),
        ],
    )
    def test_a_record_that_does_not_fit_is_named(self, tmp_path, write_tfrecord, last, said):
        records = self.records(tmp_path, write_tfrecord, **last)
        with pytest.raises(DataError, match=said) as caught:
            check_columns(records, self.WANTED, vocab_size=4, limits={"labels": 2})
        assert caught.value.where == records.where(300)

    def test_a_column_of_another_type(self, tmp_path, write_tfrecord):
        records = self.records(tmp_path, write_tfrecord)
        with pytest.raises(DataError, match="'w' holds float32 and should hold int32"):
            check_columns(records, [Column("w", "int32")])
