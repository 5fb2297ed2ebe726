"""MindRecords: MindSpore reads what we write, and we read what MindSpore writes."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sqlite3
import sys
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mindspore.dataset import MindDataset
from mindspore.mindrecord import FileWriter

from bert_core.data import mindrecord_writer as mindrecord_writer_module
from bert_core.data.columns import Column
from bert_core.data.mindrecord import MindRecordFile
from bert_core.data.mindrecord_blob import decode_lists, scalars
from bert_core.data.mindrecord_index import index_of
from bert_core.data.mindrecord_writer import mindrecord_writer
from bert_core.data.records import is_records, open_records
from bert_core.errors import DataError

NUMBERS = [0, 1, -1, 127, -128, 128, -129, 32767, -32768, 32768, 2**31 - 1, -(2**31)]
LONG = [*NUMBERS, 2**31, -(2**31) - 1, 2**63 - 1, -(2**63)]
ONE = {"x": {"type": "int32", "shape": [-1]}}
TWO = {"x": {"type": "int32", "shape": [-1]}, "y": {"type": "int64", "shape": [-1]}}
MANY = {**TWO, "w": {"type": "float32", "shape": [2, 2]}, "n": {"type": "int64"}, "f": {"type": "float32"},
        "s": {"type": "string"}, "b": {"type": "bytes"}}  # fmt: skip
HEADER = 16 << 20  # bytes, MindSpore's


def row(number, schema):
    random = np.random.default_rng(number)
    every = {
        "x": random.choice(NUMBERS, 1 + number % 7).astype(np.int32),
        "y": random.choice(np.array(LONG), 1 + number % 5),
        "w": random.random((2, 2), np.float32),
        "n": LONG[number % len(LONG)],
        "f": 0.5 * number,
        "s": "text",
        "b": b"bytes",
    }
    return {name: every[name] for name in schema}


def written_by_mindspore(path, schema, rows, *, shards=1, page=None):
    writer = FileWriter(str(path), shards)
    if page:
        writer.set_page_size(page)
    writer.add_schema(schema, "of a test")
    if rows:
        writer.write_raw_data(rows)
    writer.commit()
    return path


def written(path, columns, rows):
    with mindrecord_writer(path, columns) as writer:
        for one in rows:
            writer.write(one)
    return path


def assert_read(read, rows):
    assert len(read) == len(rows)
    for one, wanted in zip(read, rows, strict=True):
        assert one.keys() == wanted.keys() - {"s", "b"}
        for name, values in one.items():
            np.testing.assert_array_equal(values, np.asarray(wanted[name], values.dtype))


class TestReading:
    @pytest.mark.parametrize("schema", [ONE, TWO, MANY, {"n": {"type": "int64"}}], ids=["one", "two", "many", "single"])
    def test_what_mindspore_writes(self, tmp_path, schema):
        rows = [row(number, schema) for number in range(40)]
        records = open_records(written_by_mindspore(tmp_path / "a.mindrecord", schema, rows))
        assert_read(records.read_many(range(40)), rows)
        assert_read([records.read(17)], [rows[17]])

    def test_records_of_many_pages_at_random(self, tmp_path):
        rows = [{"x": np.arange(700, dtype=np.int32) * number, "n": number} for number in range(300)]
        schema = {**ONE, "n": {"type": "int64"}}
        records = open_records(written_by_mindspore(tmp_path / "a", schema, rows, page=32 << 10))
        asked = np.random.default_rng(0).integers(0, 300, 100)
        assert_read(records.read_many(asked), [rows[number] for number in asked])

    def test_the_files_of_one_writer(self, tmp_path):
        rows = [row(number, TWO) for number in range(10)]
        written_by_mindspore(tmp_path / "a.mindrecord", TWO, rows, shards=4)
        for source in (tmp_path, tmp_path / "a.mindrecord*"):
            records = open_records(source)
            read = records.read_many(range(10))
            assert_read(sorted(read, key=str), sorted(rows, key=str))
        assert is_records(tmp_path / "a.mindrecord0")

    def test_types_and_names_are_the_files(self, tmp_path):
        schema = {"label_ids": {"type": "int64", "shape": [-1]}, "m": {"type": "float32", "shape": [2]}}
        rows = [{"label_ids": np.array([3]), "m": np.zeros(2, np.float32)}]
        records = open_records(written_by_mindspore(tmp_path / "a", schema, rows))
        assert records.columns == {"labels": Column("labels", "int64"), "m": Column("m", "float32", (2,))}
        assert records.read(0)["labels"].dtype == np.int64

    def test_no_records(self, tmp_path):
        records = open_records(written_by_mindspore(tmp_path / "a", TWO, []))
        assert len(records) == 0
        assert list(records.columns) == ["x", "y"]

    def test_records_are_sent_to_another_process(self, tmp_path):
        rows = [row(number, TWO) for number in range(3)]
        records = open_records(written_by_mindspore(tmp_path / "a", TWO, rows))
        with get_context("spawn").Pool(1) as pool:
            assert_read([pool.apply(records.read, (2,))], [rows[2]])

    def test_nothing_of_mindspore_is_needed(self, tmp_path):
        import subprocess

        path = written_by_mindspore(tmp_path / "a", TWO, [row(0, TWO)])
        code = f"""
import sys
from bert_core.data.records import open_records
assert len(open_records({str(path)!r})) == 1
assert 'mindspore' not in sys.modules
"""
        subprocess.run([sys.executable, "-c", code], check=True)


class TestWriting:
    COLUMNS = (Column("input_ids", "int32", (4,)), Column("labels", "int64"), Column("w", "float32", (2, 2)))

    def rows(self, count):
        return [
            {
                "input_ids": np.arange(4, dtype=np.int32) * (10**number % 2**28),
                "labels": np.arange(1 + number % 3) - 2**40,
                "w": np.full((2, 2), np.float32(number)),
            }
            for number in range(count)
        ]

    def test_mindspore_reads_it(self, tmp_path):
        rows = self.rows(300)
        path = written(tmp_path / "a.mindrecord", self.COLUMNS, rows)
        read = list(MindDataset(str(path), shuffle=False).create_dict_iterator(num_epochs=1, output_numpy=True))
        assert_read(read, rows)
        assert_read(open_records(path).read_many(range(300)), rows)
        assert sorted(one.name for one in tmp_path.iterdir()) == ["a.mindrecord", "a.mindrecord.db"]

    @pytest.mark.parametrize("page_size", [200, 1000])
    def test_mindspore_reads_many_pages(self, tmp_path, monkeypatch, page_size):
        """Small pages, so that both kinds come several times; MindSpore takes no page below 32 KB, so they lie far."""
        rows = self.rows(300)
        monkeypatch.setattr(mindrecord_writer_module, "_PAGE_SIZE", 32 << 10)
        monkeypatch.setattr(mindrecord_writer_module, "_PAGE_LIMIT", page_size)
        path = written(tmp_path / "a.mindrecord", self.COLUMNS, rows)
        read = list(MindDataset(str(path), shuffle=False).create_dict_iterator(num_epochs=1, output_numpy=True))
        assert_read(read, rows)
        assert_read(open_records(path).read_many(range(300)), rows)

    def test_the_file_is_the_one_that_mindspore_writes(self, tmp_path):
        rows = self.rows(100)
        schema = {
            column.name: {"type": column.dtype, "shape": [-1] if column.shape is None else list(column.shape)}
            for column in self.COLUMNS
        }
        theirs = written_by_mindspore(tmp_path / "theirs", schema, rows)
        ours = written(tmp_path / "ours", self.COLUMNS, rows)
        assert ours.read_bytes()[HEADER:] == theirs.read_bytes()[HEADER:]
        said = [json.loads(path.read_bytes()[8:HEADER].rstrip(b"\0")) for path in (theirs, ours)]
        for header in said:
            header["schema"][0]["desc"], header["shard_addresses"] = "", []
        assert said[0] == said[1]
        tables = [
            sqlite3.connect(index_of(path)).execute("SELECT * FROM INDEXES").fetchall() for path in (theirs, ours)
        ]
        assert tables[0] == tables[1]

    def test_no_records(self, tmp_path):
        assert len(open_records(written(tmp_path / "a", self.COLUMNS, []))) == 0

    def test_it_takes_the_place_of_another(self, tmp_path):
        written(tmp_path / "a", self.COLUMNS, self.rows(5))
        assert len(open_records(written(tmp_path / "a", self.COLUMNS, self.rows(2)))) == 2

    def test_a_block_that_fails_leaves_what_was_there(self, tmp_path):
        written(tmp_path / "a", self.COLUMNS, self.rows(5))
        with pytest.raises(DataError, match="the record has no column 'labels'") as caught:
            written(tmp_path / "a", self.COLUMNS, [*self.rows(2), {"input_ids": np.arange(4)}])
        assert caught.value.where == f"{tmp_path / 'a'}: record 3"
        assert len(open_records(tmp_path / "a")) == 5
        assert len(list(tmp_path.iterdir())) == 2

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            (np.zeros(1), "holds float64 and should hold int64"),
            (np.zeros(0, np.int64), "is empty, which MindSpore 2.10 reads as a number of any value"),
        ],
    )
    def test_what_mindspore_would_drop_or_misread_is_refused(self, tmp_path, values, said):
        with pytest.raises(DataError, match=said):
            written(tmp_path / "a", [Column("x", "int64")], [{"x": values}])
        assert not list(tmp_path.iterdir())

    def test_a_column_without_a_dimension_is_refused(self, tmp_path):
        with pytest.raises(DataError, match="'x' has no dimension"):
            written(tmp_path / "a", [Column("x", "float32", ())], [])

    def test_a_full_disk_leaves_no_file(self, tmp_path):
        before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (HEADER + 1000, hard))
        try:
            with pytest.raises(DataError, match="it cannot be written: File too large"):
                written(tmp_path / "a", self.COLUMNS, self.rows(300))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, before)
        assert not list(tmp_path.iterdir())


class TestDamage:
    @pytest.fixture
    def path(self, tmp_path):
        return written_by_mindspore(tmp_path / "a.mindrecord", TWO, [row(number, TWO) for number in range(10)])

    def patch(self, path, place, content):
        with path.open("r+b") as stream:
            stream.seek(place)
            stream.write(content)

    def test_an_index_that_is_not_there(self, path):
        os.remove(f"{path}.db")
        with pytest.raises(DataError, match=r"its index, a.mindrecord.db, is not beside it") as caught:
            open_records(path)
        assert "Keep the .db" in caught.value.hint

    def test_an_index_of_another_file(self, path, tmp_path):
        other = written_by_mindspore(tmp_path / "b.mindrecord", TWO, [row(number, TWO) for number in range(3)])
        shutil.copy(f"{other}.db", f"{path}.db")
        with pytest.raises(DataError, match=r"the index is of 3 records, and not that of .*, which has 10"):
            open_records(path)

    def test_an_index_of_another_file_of_as_many_records(self, path, tmp_path):
        rows = [row(number + 1, TWO) for number in range(10)]
        other = written_by_mindspore(tmp_path / "b.mindrecord", TWO, rows)
        shutil.copy(f"{other}.db", f"{path}.db")
        with pytest.raises(DataError, match=r"bytes, and the index|the index says that record"):
            open_records(path).read_many(range(10))

    def test_an_index_of_a_place_inside_a_record(self, path):
        with sqlite3.connect(f"{path}.db") as database:
            database.execute("UPDATE INDEXES SET PAGE_OFFSET_BLOB=PAGE_OFFSET_BLOB-8 WHERE ROW_ID=4")
        database.close()
        records = open_records(path)
        with pytest.raises(
            DataError, match=r"the record says that it has [0-9]+ bytes, and the index [0-9]+"
        ) as caught:
            records.read_many(range(10))
        assert caught.value.where == records.where(4)

    @pytest.mark.parametrize("content", [b"", b"no database", None])
    def test_a_damaged_index(self, path, content):
        index = Path(f"{path}.db")
        index.write_bytes(index.read_bytes()[:5000] if content is None else content)
        with pytest.raises(DataError, match=r"the index of .* is damaged"):
            open_records(path)

    @pytest.mark.parametrize(
        "change",
        ["PAGE_ID_BLOB=77", "PAGE_ID_BLOB=-1", "PAGE_OFFSET_BLOB=-8", "PAGE_OFFSET_BLOB_END=99999999", "PAGE_ID_RAW=2"],
    )
    def test_an_index_of_places_that_are_not_there(self, path, change):
        with sqlite3.connect(f"{path}.db") as database:
            database.execute(f"UPDATE INDEXES SET {change} WHERE ROW_ID=4")
        database.close()
        with pytest.raises(DataError, match=r"the index says that record 5 is where .* has none"):
            open_records(path)

    @pytest.mark.parametrize("change", ["'x'", "NULL", "1.5e300"])
    def test_an_index_of_no_numbers(self, path, change):
        database = sqlite3.connect(f"{path}.db")
        columns = "ROW_ID INT, PAGE_ID_BLOB, PAGE_OFFSET_BLOB, PAGE_OFFSET_BLOB_END, PAGE_ID_RAW, PAGE_OFFSET_RAW"
        database.execute("DROP TABLE INDEXES")
        database.execute(f"CREATE TABLE INDEXES ({columns}, PAGE_OFFSET_RAW_END)")
        database.execute(f"INSERT INTO INDEXES VALUES (0, {change}, 0, 0, 0, 0, 0)")
        database.commit()
        database.close()
        with pytest.raises(DataError, match="the index"):
            open_records(path)

    @pytest.mark.parametrize("size", [70, 300, 1 << 20, HEADER + 10, HEADER + 300, -20])
    def test_a_file_that_was_cut(self, path, size):
        os.truncate(path, size if size > 0 else path.stat().st_size + size)
        with pytest.raises(DataError, match=r"bytes, and its header alone|before its record|header is damaged"):
            open_records(path)

    def test_a_giant_header_is_not_read(self, path):
        self.patch(path, 0, (2**62).to_bytes(8, "little"))
        with pytest.raises(DataError, match=r"its first bytes are damaged|header alone"):
            open_records(path)

    @pytest.mark.parametrize("place", range(8, 600, 23))
    def test_a_changed_byte_of_the_header(self, path, place):
        self.patch(path, place, b"\x00")
        with pytest.raises(DataError):
            open_records(path)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b'"version":"3.0"', b'"version":"2.0"'),
            (b'"page_size":33554432', b'"page_size":3355443x'),
            (b'"blob_fields":["x","y"]', b'"blob_fields":["x","z"]'),
            (b'"blob_fields":["x","y"]', b'"blob_fields":     null'),
            (b'"page_id":0', b'"page_id":9'),
        ],
    )
    def test_a_header_that_says_something_else(self, path, old, new):
        head = path.read_bytes()[:2000]
        assert old in head
        self.patch(path, 0, head.replace(old, new))
        with pytest.raises(DataError):
            open_records(path).read_many(range(10))

    @pytest.mark.parametrize("place", range(0, 60))
    def test_a_changed_byte_of_a_record_gives_values_or_a_sentence(self, path, place):
        self.patch(path, HEADER + place, b"\xff")
        with suppress(DataError):
            open_records(path).read_many(range(10))

    def test_two_formats_in_one_folder(self, path, tmp_path, make_rows, write_tfrecord):
        write_tfrecord(tmp_path / "b.tfrecord", make_rows(1))
        with pytest.raises(DataError, match="are records of two formats"):
            open_records(tmp_path)


@given(st.lists(st.lists(st.sampled_from(LONG) | st.integers(-(2**63), 2**63 - 1), max_size=9), max_size=5))
def test_lists_of_numbers_of_any_width(lists):
    def width(number):
        return next(code for code in range(4) if -(2 ** (8 * 2**code - 1)) <= number < 2 ** (8 * 2**code - 1))

    def coded(numbers):
        codes = [width(number) for number in numbers] + [0] * (-len(numbers) % 4)
        widths = bytes(
            a << 6 | b << 4 | c << 2 | d
            for a, b, c, d in zip(codes[::4], codes[1::4], codes[2::4], codes[3::4], strict=True)
        )
        content = b"".join(n.to_bytes(1 << width(n), "little", signed=True) for n in numbers)
        return len(numbers).to_bytes(4, "big") + widths + content

    assert [numbers.tolist() for numbers in decode_lists([coded(numbers) for numbers in lists])] == lists


@settings(max_examples=300)
@given(st.binary(max_size=40))
def test_any_bytes_are_values_or_a_sentence(content):
    with suppress(ValueError):
        decode_lists([content])
    with suppress(ValueError):
        scalars(content)


def test_it_is_read_as_a_file_of_records(tmp_path):
    path = written_by_mindspore(tmp_path / "a", TWO, [row(0, TWO)])
    assert MindRecordFile(path).damaged == ()
    assert MindRecordFile(path).where(0) == f"{path}: record 1 at byte {HEADER}"
