"""TFRecords are read as MindSpore reads them, which has no writer of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mindspore.dataset import TFRecordDataset

from bert_core.data.columns import Column, our_name
from bert_core.data.records import open_records
from bert_core.data.schema import write_schema

SHARED = Path(__file__).parents[3] / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/data: it holds records of other programs")


def read_by_mindspore(path, schema=None):
    data = TFRecordDataset(str(path), None if schema is None else str(schema), shuffle=False)
    return list(data.create_dict_iterator(num_epochs=1, output_numpy=True))


def assert_same(ours, theirs):
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one.keys() == {our_name(name) for name in other}
        for name, values in other.items():
            np.testing.assert_array_equal(one[our_name(name)], values)
            assert one[our_name(name)].dtype == values.dtype


def test_mindspore_reads_what_is_written_here(tmp_path, make_rows, write_tfrecord):
    rows = make_rows(20)
    path = write_tfrecord(tmp_path / "a.tfrecord", rows)
    columns = [Column(name, str(values.dtype), values.shape) for name, values in rows[0].items()]
    write_schema(tmp_path / "schema.json", columns, 15)
    ours = open_records(path).read_many(range(20))
    assert_same(ours[:15], read_by_mindspore(path, tmp_path / "schema.json"))
    assert_same(ours, read_by_mindspore(path))


@needs_shared
@pytest.mark.parametrize(
    "name",
    [
        "bert-tfrecords/english/tf_examples.tfrecord",
        "bert-tfrecords/chinese/tf_examples.tfrecord",
        "mindspore-records/tf/bert_examples.tfrecord",
        "mindspore-records/tf/five_example.tf_record",
        "mindspore-records/tf/testTFBert5Rows/5TFDatas.data",
    ],
)
def test_all_values_of_real_records_are_those_that_mindspore_reads(name):
    records = open_records(SHARED / name)
    assert_same(records.read_many(range(len(records))), read_by_mindspore(SHARED / name))
