"""`schema.json`, which tells MindSpore's `TFRecordDataset` what columns TFRecords have, and how many rows count."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from bert_core.data.columns import DTYPES, Column, Dtype, our_name, our_names
from bert_core.errors import DataError
from bert_core.files import write_json
from bert_core.names import listed

_UNREAD = ("string", "bytes")
_FORM = 'It should be {"datasetType": "TF", "numRows": 5, "columns": {"input_ids": {"type": "int64", "shape": [128]}}}'
_SIZE_LIMIT = 1 << 20  # bytes


@dataclass(frozen=True)
class Schema:
    """What a schema file says.

    Args:
        columns: By our names; None where the file says nothing of columns.
        rows: How many rows are read at most; None for all.
    """

    columns: Mapping[str, Column] | None = None
    rows: int | None = None

    @classmethod
    def read(cls, path: Path) -> Schema:
        """The schema of a file; columns of text or bytes are left out, as nothing here reads them.

        Raises:
            DataError: It is no schema, or has columns that bertrun does not read.
        """
        found = _object(path)
        if found.get("datasetType", "TF") != "TF":
            what = f"its datasetType is {found['datasetType']!r}, and only 'TF' is of TFRecords"
            raise DataError(what, where=path, hint=_FORM)
        rows = found.get("numRows")
        if rows is not None and (type(rows) is not int or rows < 0):
            raise DataError(f"its numRows is {rows!r}, and should be a number of rows", where=path, hint=_FORM)
        return cls(_columns(found["columns"], path) if "columns" in found else None, rows or None)


def write_schema(path: Path, columns: Iterable[Column], rows: int) -> None:
    """Write the schema file of TFRecords.

    Args:
        path: The file.
        columns: With the names that the records have.
        rows: How many records there are.

    Raises:
        DataError: It cannot be written.
    """
    described = {column.name: _described(column) for column in columns}
    try:
        write_json(path, {"datasetType": "TF", "numRows": rows, "columns": described})
    except OSError as error:
        raise DataError(f"it cannot be written: {error.strerror}", where=path) from None


def _described(column: Column) -> dict[str, Any]:
    shape = (-1,) if column.shape is None else column.shape
    return {"type": column.dtype, "rank": len(shape), "shape": list(shape)}


def _object(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            text = stream.read(_SIZE_LIMIT + 1)
    except OSError as error:
        raise DataError(f"the schema cannot be read: {error.strerror}", where=path) from None
    if len(text) > _SIZE_LIMIT:
        raise DataError(f"it has more than {_SIZE_LIMIT} bytes, and is no schema", where=path)
    try:
        found = json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        reason = "it is too deep" if isinstance(error, RecursionError) else error
        raise DataError(f"the schema is not JSON: {reason}", where=path, hint=_FORM) from None
    if not isinstance(found, dict):
        raise DataError("the schema is not a JSON object", where=path, hint=_FORM)
    return found


def _columns(described: object, path: Path) -> dict[str, Column]:
    if isinstance(described, list):  # MindSpore takes this form too: each with its name inside
        if not all(isinstance(one, dict) and isinstance(one.get("name"), str) for one in described):
            raise DataError("its columns are a list, and not each has a name", where=path, hint=_FORM)
        described = {one["name"]: one for one in described}
    if not isinstance(described, dict) or not all(isinstance(one, dict) for one in described.values()):
        raise DataError("its columns are not an object of objects", where=path, hint=_FORM)
    read = {name: one for name, one in described.items() if one.get("type") not in _UNREAD}
    our_names(sorted(read), str(path))
    return {our_name(name): _column(name, one, path) for name, one in read.items()}


def _column(name: str, described: Mapping[str, Any], path: Path) -> Column:
    dtype, shape, rank = described.get("type"), described.get("shape"), described.get("rank", 1)
    if dtype not in DTYPES:
        what = f"its column '{name}' has the type {dtype!r}, and bertrun reads {listed(DTYPES)}"
        raise DataError(what, where=path, hint="Take the column out, or give it one of these types")
    if shape is None and rank in (0, 1):
        shape = [-1] * rank
    sizes = isinstance(shape, list) and all(type(size) is int and size >= -1 for size in shape)
    if not sizes or len(cast("list[int]", shape)) != described.get("rank", len(cast("list[int]", shape))):
        what = f"its column '{name}' has the rank {described.get('rank')!r} and the shape {described.get('shape')!r}"
        raise DataError(what, where=path, hint="The shape is a list of as many sizes as the rank says")
    shape = cast("list[int]", shape)
    if -1 in shape and len(shape) > 1:
        what = f"its column '{name}' has the shape {shape}, and only a list of one dimension may have any length"
        raise DataError(what, where=path, hint="Write the sizes")
    return Column(our_name(name), cast(Dtype, dtype), None if -1 in shape else tuple(shape))
