"""Schema files: read, honoured, written, and refused with a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bert_core.data.columns import Column
from bert_core.data.records import open_records
from bert_core.data.schema import Schema, write_schema
from bert_core.errors import DataError

SHARED = Path(__file__).parents[3] / "shared" / "data" / "mindspore-records" / "tf"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/data: it holds schema files of MindSpore")


def schema_of(tmp_path, value):
    path = tmp_path / "schema.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
    return Schema.read(path)


@needs_shared
@pytest.mark.parametrize("folder", ["testTFBert5Rows", "testTFBert5Rows1", "testTFBert5Rows2"])
def test_schemas_of_mindspore_choose_the_columns(folder):
    path = SHARED / folder
    described = json.loads((path / "datasetSchema.json").read_text())["columns"]
    records = open_records(path, schema=Schema.read(path / "datasetSchema.json"))
    assert len(records) == 5
    ours = {"input_mask": "attention_mask", "segment_ids": "token_type_ids"}
    for row in records.read_many(range(5)):
        assert {name: list(values.shape) for name, values in row.items()} == {
            ours.get(name, name): column["shape"] for name, column in described.items()
        }


@pytest.mark.parametrize(("rows", "read"), [(3, 3), (0, 5), (9, 5), (None, 5)])
def test_rows_are_at_most_what_it_says(tmp_path, make_rows, write_tfrecord, rows, read):
    path = write_tfrecord(tmp_path / "a.tfrecord", make_rows(5))
    said = {"datasetType": "TF"} if rows is None else {"datasetType": "TF", "numRows": rows}
    records = open_records(path, schema=schema_of(tmp_path, said))
    assert len(records) == read
    assert len(records.read_many(range(read))) == read
    assert records.notes == (("3 of 5 records are read, as the schema's numRows says",) if rows == 3 else ())


def test_types_and_shapes_are_the_schemas(tmp_path, write_tfrecord):
    path = write_tfrecord(tmp_path / "a.tfrecord", [{"label_ids": np.arange(4)}, {"label_ids": np.arange(3)}])
    schema = schema_of(tmp_path, {"columns": {"label_ids": {"type": "int32", "rank": 2, "shape": [2, 2]}}})
    records = open_records(path, schema=schema)
    assert records.columns == {"labels": Column("labels", "int32", (2, 2))}
    assert records.read(0)["labels"].tolist() == [[0, 1], [2, 3]]
    with pytest.raises(DataError, match=r"'labels' has 3 values and should have the shape \[2, 2\]") as caught:
        records.read(1)
    assert caught.value.where == records.where(1)


def test_what_is_written_is_read_back(tmp_path):
    columns = [Column("input_ids", "int32", (128,)), Column("labels", "int64"), Column("w", "float32", ())]
    write_schema(tmp_path / "s.json", columns, 7)
    assert Schema.read(tmp_path / "s.json") == Schema({column.name: column for column in columns}, 7)


def test_forms_that_mindspore_takes_too(tmp_path):
    listed = {"columns": [{"name": "x", "type": "int64", "rank": 1}, {"name": "s", "type": "string", "rank": 1}]}
    assert schema_of(tmp_path, listed).columns == {"x": Column("x", "int64")}
    assert schema_of(tmp_path, {"columns": {"x": {"type": "int32", "rank": 0}}}).columns == {
        "x": Column("x", "int32", ())
    }


X = {"type": "int64", "rank": 1, "shape": [4]}
WRONG = {
    "no JSON": ("{", "not JSON"),
    "no UTF-8": ('"\udcff"', "not JSON"),
    "a list": ([], "not a JSON object"),
    "a bomb": ("[" * 100_000, "too deep"),
    "another dataset": ({"datasetType": "MR"}, "datasetType is 'MR'"),
    "rows as text": ({"numRows": "5"}, "numRows is '5'"),
    "rows below zero": ({"numRows": -1}, "numRows is -1"),
    "rows as truth": ({"numRows": True}, "numRows is True"),
    "columns as text": ({"columns": "x"}, "not an object of objects"),
    "a column as text": ({"columns": {"x": "int64"}}, "not an object of objects"),
    "a list without names": ({"columns": [X]}, "not each has a name"),
    "another type": ({"columns": {"x": {**X, "type": "float16"}}}, "type 'float16'"),
    "no type": ({"columns": {"x": {"shape": [1]}}}, "type None"),
    "a rank that is not the shape's": ({"columns": {"x": {**X, "rank": 2}}}, r"the rank 2 and the shape \[4\]"),
    "a size as text": ({"columns": {"x": {**X, "shape": ["4"]}}}, r"the shape \['4'\]"),
    "a size below -1": ({"columns": {"x": {**X, "shape": [-2]}}}, r"the shape \[-2\]"),
    "a rank without sizes": ({"columns": {"x": {"type": "int64", "rank": 2}}}, "the rank 2 and the shape None"),
    "two open sizes": ({"columns": {"x": {"type": "int64", "shape": [-1, 4]}}}, "may have any length"),
    "two names of one column": ({"columns": {"labels": X, "label_ids": X}}, "two names of one column"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_schema_is_refused(tmp_path, name):
    value, said = WRONG[name]
    if name == "no UTF-8":
        (tmp_path / "schema.json").write_bytes(b'"\xff"')
        with pytest.raises(DataError, match=said):
            Schema.read(tmp_path / "schema.json")
        return
    with pytest.raises(DataError, match=said) as caught:
        schema_of(tmp_path, value)
    assert caught.value.where == str(tmp_path / "schema.json")


def test_a_schema_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="the schema cannot be read: No such file"):
        Schema.read(tmp_path / "none.json")
