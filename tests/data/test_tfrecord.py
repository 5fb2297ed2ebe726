"""TFRecords: every byte is under a checksum, records are found by their numbers, and the index is kept."""

from __future__ import annotations

import gzip
import os
import pickle
import resource
import signal
import subprocess
import sys
import time
import zlib
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bert_core.crc32c import masked_crc32c
from bert_core.data import tfrecord_index
from bert_core.data.bad_records import BadRecords
from bert_core.data.columns import Column
from bert_core.data.records import is_records, open_records
from bert_core.data.tfrecord import TFRecordFile
from bert_core.data.tfrecord_index import build_index, open_index
from bert_core.data.tfrecord_writer import tfrecord_writer
from bert_core.errors import DataError

SHARED = Path(__file__).parents[3] / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/data: it holds records of other programs")
OURS = {"input_mask": "attention_mask", "segment_ids": "token_type_ids"}


def assert_read(row, written):
    assert row.keys() == {OURS.get(name, name) for name in written}
    for name, values in written.items():
        read = row[OURS.get(name, name)]
        assert read.dtype == values.dtype
        np.testing.assert_array_equal(read, values)


@contextmanager
def at_most(size):
    """No more memory than this beyond what is taken now."""
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (taken + size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def head(length, checksum=None):
    coded = length.to_bytes(8, "little")
    return coded + (masked_crc32c(coded) if checksum is None else checksum).to_bytes(4, "little")


class TestReading:
    def test_what_is_written_comes_back_at_any_place(self, tmp_path, make_rows, write_tfrecord):
        rows = make_rows(50)
        file = TFRecordFile(write_tfrecord(tmp_path / "a", rows))
        assert len(file) == 50
        for number in (49, 0, 7, 7):
            assert_read(file.read_many([number])[0], rows[number])
        for row, number in zip(file.read_many([3, 4, 5, 30, 2]), [3, 4, 5, 30, 2], strict=True):
            assert_read(row, rows[number])

    @settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=9), min_size=1, max_size=9))
    def test_lists_of_any_length_come_back(self, tmp_path, lists):
        with tfrecord_writer(tmp_path / "any") as writer:
            for numbers in lists:
                writer.write({"x": np.array(numbers, np.int64)})
        read = TFRecordFile(tmp_path / "any").read_many(range(len(lists)))
        assert [row["x"].tolist() for row in read] == lists

    @needs_shared
    @pytest.mark.parametrize(
        ("name", "count", "length"),
        [
            ("bert-tfrecords/english/tf_examples.tfrecord", 60, 128),
            ("bert-tfrecords/chinese/tf_examples.tfrecord", 271, 128),
            ("mindspore-records/tf/bert_examples.tfrecord", 16, 128),
            ("mindspore-records/tf/five_example.tf_record", 5, 128),
        ],
    )
    def test_records_of_google_and_mindspore(self, name, count, length):
        records = open_records(SHARED / name)
        assert len(records) == count
        for row in records.read_many(range(count)):
            assert row["input_ids"].shape == row["attention_mask"].shape == row["token_type_ids"].shape == (length,)
            assert row["input_ids"][row["attention_mask"] == 1].all()
            assert not row["input_ids"][row["attention_mask"] == 0].any()

    @needs_shared
    def test_masked_pieces_are_those_of_the_text(self):
        """The source text beside the records is an independent witness of the decoding."""
        folder = SHARED / "bert-tfrecords" / "english"
        vocabulary = (SHARED / "vocabs" / "bert-base-uncased-vocab.txt").read_text("utf-8").split("\n")
        text = (folder / "sample_text.txt").read_text("utf-8").lower()
        words = 0
        for row in (records := open_records(folder / "tf_examples.tfrecord")).read_many(range(len(records))):
            used = row["masked_lm_weights"] == 1
            wanted = [vocabulary[number] for number in row["masked_lm_ids"][used]]
            words += len(wanted)
            assert all(piece.removeprefix("##") in text for piece in wanted)
        assert words > 500

    def test_a_record_without_a_column_is_named(self, tmp_path, make_rows, write_tfrecord):
        rows = make_rows(4)
        del rows[2]["segment_ids"]
        file = TFRecordFile(write_tfrecord(tmp_path / "a", rows))
        with pytest.raises(DataError, match="no column 'segment_ids'") as caught:
            file.read_many(range(4))
        assert str(caught.value).startswith(f"{tmp_path / 'a'}: record 3 at byte ")

    def test_a_column_of_two_types_is_named(self, tmp_path, write_tfrecord):
        rows = [{"labels": np.array([1])}, {"labels": np.array([1], np.float32)}]
        file = TFRecordFile(write_tfrecord(tmp_path / "a", rows))
        with pytest.raises(DataError, match="the column 'labels' holds float32 and should hold int64"):
            file.read_many([0, 1])

    def test_two_names_of_one_column_are_refused(self, tmp_path, write_tfrecord):
        path = write_tfrecord(tmp_path / "a", [{"labels": np.array([1]), "label_ids": np.array([1])}])
        with pytest.raises(DataError, match="'label_ids' and 'labels' are two names of one column"):
            TFRecordFile(path)

    def test_given_columns_are_types_and_shapes(self, tmp_path, write_tfrecord):
        path = write_tfrecord(tmp_path / "a", [{"x": np.arange(6)}, {"x": np.array([1, 2**31])}])
        row = TFRecordFile(path, {"x": Column("x", "int32", (2, 3))}).read_many([0])[0]
        assert row["x"].tolist() == [[0, 1, 2], [3, 4, 5]]
        assert row["x"].dtype == np.int32
        with pytest.raises(DataError, match=r"has 2 values and should have the shape \[2, 3\]"):
            TFRecordFile(path, {"x": Column("x", "int64", (2, 3))}).read_many([1])
        with pytest.raises(DataError, match="more than 32 bits"):
            TFRecordFile(path, {"x": Column("x", "int32")}).read_many([1])

    def test_records_are_sent_to_another_process(self, tmp_path, make_rows, write_tfrecord):
        rows = make_rows(3)
        records = open_records(write_tfrecord(tmp_path / "a.tfrecord", rows))
        records.read(0)
        with get_context("spawn").Pool(1) as pool:
            assert_read(pool.apply(records.read, (2,)), rows[2])
        assert_read(pickle.loads(pickle.dumps(records)).read(1), rows[1])

    def test_more_files_than_a_process_may_open(self, tmp_path, make_rows, write_tfrecord):
        rows = make_rows(200)
        for number, row in enumerate(rows):
            write_tfrecord(tmp_path / f"{number:03}.tfrecord", [row])
        records = open_records(tmp_path)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (120, hard))
        try:
            for number in (199, 0, 100):
                assert_read(records.read(number), rows[number])
            read = records.read_many(range(199, -1, -1))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for row, written in zip(read, rows[::-1], strict=True):
            assert_read(row, written)


class TestDamage:
    def file(self, tmp_path, make_rows, write_tfrecord, count=5):
        path = write_tfrecord(tmp_path / "a.tfrecord", make_rows(count))
        return path, build_index(path, tfrecord_index.Version.of(path)).offsets.tolist()

    def test_every_byte_is_under_a_checksum(self, tmp_path, make_rows, write_tfrecord, aged):
        path, offsets = self.file(tmp_path, make_rows, write_tfrecord, count=2)
        whole = path.read_bytes()
        assert offsets[-1] == len(whole)
        for place in [*range(30), *range(30, len(whole), 17), *range(offsets[1] - 6, offsets[1] + 16)]:
            content = bytearray(whole)
            content[place] ^= 1 << place % 8
            path.write_bytes(content)
            with pytest.raises(DataError) as caught:
                open_records(aged(path))
            record = 1 if place < offsets[1] else 2
            if place >= 12:  # else it is not seen to be a TFRecord
                assert caught.value.where == f"{path}: record {record} at byte {offsets[record - 1]}"

    @pytest.mark.parametrize("left", [1, 11, 12, 13, 100, -1, -4, -5])
    def test_a_file_that_ends_inside_a_record(self, tmp_path, make_rows, write_tfrecord, aged, left):
        path, offsets = self.file(tmp_path, make_rows, write_tfrecord)
        end = offsets[3] + left if left > 0 else offsets[4] + left
        path.write_bytes(path.read_bytes()[:end])
        with pytest.raises(DataError, match="the file ends inside the record") as caught:
            open_records(aged(path))
        assert caught.value.where == f"{path}: record 4 at byte {offsets[3]}"
        assert "--on-bad-record skip:1" in caught.value.hint

    @pytest.mark.parametrize("length", [2**62, 2**64 - 1, 2**40, (1 << 26) + 1])
    @pytest.mark.parametrize("checked", [True, False])
    def test_a_giant_length_takes_no_memory(self, tmp_path, make_rows, write_tfrecord, aged, length, checked):
        path, offsets = self.file(tmp_path, make_rows, write_tfrecord)
        content = path.read_bytes()
        wrong = head(length) if checked else head(length, 7)
        path.write_bytes(content[: offsets[2]] + wrong + content[offsets[2] + 12 :])
        with at_most(1 << 26), pytest.raises(DataError, match="the record's length") as caught:
            open_records(aged(path))
        assert caught.value.where == f"{path}: record 3 at byte {offsets[2]}"
        assert f"truncate -s {offsets[2]}" in caught.value.hint

    def test_a_file_that_starts_with_a_giant_length(self, tmp_path, aged):
        path = tmp_path / "a.tfrecord"
        path.write_bytes(head(2**62) + b"abc")
        with at_most(1 << 26), pytest.raises(DataError, match="4611686018427387904 bytes, which no record of BERT has"):
            open_records(aged(path))

    def test_a_record_that_is_no_example(self, tmp_path, aged):
        path = tmp_path / "a.tfrecord"
        path.write_bytes(head(3) + b"\xff\xff\xff" + masked_crc32c(b"\xff\xff\xff").to_bytes(4, "little"))
        with pytest.raises(DataError, match="The record is no tf"):
            open_records(aged(path))

    def test_a_first_record_that_is_no_example_is_left_out_as_any_other(self, tmp_path, write_tfrecord, aged):
        path = write_tfrecord(tmp_path / "a.tfrecord", [{"x": np.array([1])}])
        wrong = head(3) + b"\xff\xff\xff" + masked_crc32c(b"\xff\xff\xff").to_bytes(4, "little")
        path.write_bytes(wrong + path.read_bytes())
        records = open_records(aged(path), on_bad=BadRecords(1))
        assert [row["x"].tolist() for row in records.read_many([0])] == [[1]]
        with pytest.raises(DataError, match="record 1 at byte 0: "):
            open_records(path).read(0)

    def test_an_empty_file(self, tmp_path):
        path = tmp_path / "a.tfrecord"
        path.touch()
        with pytest.raises(DataError, match="there is no record in it"):
            open_records(path)

    @pytest.mark.parametrize(("pack", "name"), [(gzip.compress, "GZIP"), (zlib.compress, "ZLIB")])
    def test_a_compressed_file_is_told(self, tmp_path, make_rows, write_tfrecord, pack, name):
        path, _ = self.file(tmp_path, make_rows, write_tfrecord)
        path.write_bytes(pack(path.read_bytes()))
        assert is_records(path)
        with pytest.raises(DataError, match=f"compressed with {name}") as caught:
            open_records(path)
        assert "Unpack it first" in caught.value.hint

    def test_a_change_behind_the_index_is_seen_when_it_is_read(self, tmp_path, make_rows, write_tfrecord):
        path, offsets = self.file(tmp_path, make_rows, write_tfrecord)
        records = open_records(path)
        status = path.stat()
        content = bytearray(path.read_bytes())
        content[offsets[1] + 40] ^= 1
        path.write_bytes(content)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        records = open_records(path)
        records.read(0)
        with pytest.raises(DataError, match="does not have the checksum that was written") as caught:
            records.read(1)
        assert caught.value.where == records.where(1) == f"{path}: record 2 at byte {offsets[1]}"

    def test_a_file_that_is_cut_while_it_is_read(self, tmp_path, make_rows, write_tfrecord):
        path, _ = self.file(tmp_path, make_rows, write_tfrecord)
        records = open_records(path)
        os.truncate(path, 100)
        with pytest.raises(DataError, match="the file changed while it was read"):
            records.read(4)


class TestIndex:
    def test_it_is_built_once(self, tmp_path, make_rows, write_tfrecord, cache, monkeypatch):
        path = write_tfrecord(tmp_path / "a", make_rows(5))
        first = open_index(path)
        assert len(list(cache.glob("*.npz"))) == 1
        monkeypatch.setattr(tfrecord_index, "build_index", None)
        again = open_index(path)
        assert again.offsets.tolist() == first.offsets.tolist()
        assert len(again) == 5

    @pytest.mark.parametrize("how", ["size", "time"])
    def test_it_is_built_again_for_another_version(self, tmp_path, make_rows, write_tfrecord, how):
        path = write_tfrecord(tmp_path / "a", make_rows(5))
        open_index(path)
        status = path.stat()
        if how == "size":
            write_tfrecord(path, make_rows(3))
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        else:
            write_tfrecord(path, make_rows(5)[::-1])
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
        assert open_index(path).offsets.tolist() == build_index(path, tfrecord_index.Version.of(path)).offsets.tolist()

    def test_a_file_that_was_written_just_now_is_not_trusted_to_stay(self, tmp_path, make_rows, write_tfrecord, cache):
        path = write_tfrecord(tmp_path / "a", make_rows(5))
        os.utime(path)
        open_index(path)
        assert not cache.exists()

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"x" * 1000, None])
    def test_a_damaged_index_is_built_again(self, tmp_path, make_rows, write_tfrecord, cache, content):
        path = write_tfrecord(tmp_path / "a", make_rows(5))
        open_index(path)
        (kept,) = cache.glob("*.npz")
        kept.write_bytes(kept.read_bytes()[:-40] if content is None else content)
        assert len(open_index(path)) == 5
        with np.load(kept) as stored:
            assert len(stored["offsets"]) == 6

    def test_a_cache_that_cannot_be_written_does_not_matter(self, tmp_path, make_rows, write_tfrecord, monkeypatch):
        (tmp_path / "file").touch()
        monkeypatch.setenv("BERTRUN_CACHE", str(tmp_path / "file"))
        assert len(open_index(write_tfrecord(tmp_path / "a", make_rows(5)))) == 5

    def test_two_processes_build_it_at_once(self, tmp_path, make_rows, write_tfrecord, cache):
        path = write_tfrecord(tmp_path / "a", make_rows(2000))
        code = f"""
import time
from pathlib import Path
from bert_core.data.tfrecord_index import open_index
while time.time() < {time.time() + 1.5}: pass
for _ in range(20):
    assert len(open_index(Path({str(path)!r}))) == 2000
    for kept in Path({str(cache)!r}).glob("*.npz"): kept.unlink(missing_ok=True)
"""
        both = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
        assert [process.wait() for process in both] == [0, 0]
        assert not [path for path in cache.iterdir() if path.suffix != ".npz"]


class TestWriting:
    def write(self, path, rows):
        with tfrecord_writer(path) as writer:
            for row in rows:
                writer.write(row)

    def test_a_block_that_fails_leaves_what_was_there(self, tmp_path, make_rows, write_tfrecord):
        path = write_tfrecord(tmp_path / "a", make_rows(2))
        before = path.read_bytes()
        with pytest.raises(TypeError):
            self.write(path, [*make_rows(1), None])
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]

    def test_a_full_disk_leaves_no_file(self, tmp_path, make_rows):
        before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
        try:
            with pytest.raises(DataError, match="cannot be written: File too large"):
                self.write(tmp_path / "a", make_rows(200))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, before)
        assert not list(tmp_path.iterdir())

    def test_another_type_is_refused_with_its_record(self, tmp_path):
        with pytest.raises(DataError, match="the column 'x' is float64") as caught:
            self.write(tmp_path / "a", [{"x": np.zeros(1, np.float32)}, {"x": np.zeros(1)}])
        assert caught.value.where == f"{tmp_path / 'a'}: record 2"
