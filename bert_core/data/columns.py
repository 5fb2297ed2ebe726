"""The columns of records: their names, here and in the reference, their types and their shapes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from bert_core.errors import DataError

Dtype = Literal["int32", "int64", "float32"]
Row = Mapping[str, NDArray[Any]]  # a record: one array for each column

DTYPES: tuple[str, ...] = get_args(Dtype)

# The names that Google's scripts and the ModelZoo's converters give, and ours where they differ. What is not listed
# (masked_lm_positions, masked_lm_ids, masked_lm_weights, next_sentence_labels, start_positions, end_positions,
# unique_ids, is_impossible, is_real_example) has one name everywhere.
OURS: Mapping[str, str] = {
    "input_mask": "attention_mask",
    "segment_ids": "token_type_ids",
    "label_ids": "labels",
}
REFERENCE: Mapping[str, str] = {ours: reference for reference, ours in OURS.items()}

_OF_PIECES = ("input_ids", "attention_mask", "token_type_ids", "labels")


@dataclass(frozen=True)
class Column:
    """One column of records.

    Args:
        name: Ours.
        dtype: Of its values.
        shape: Of each record's array; None for a list whose length differs from record to record.
    """

    name: str
    dtype: Dtype
    shape: tuple[int, ...] | None = None

    def __str__(self) -> str:
        shape = "[-1]" if self.shape is None else str(list(self.shape))
        return f"{self.name} {self.dtype} {shape}"


def our_name(name: str) -> str:
    """Our name of a column, whichever world names it."""
    return OURS.get(name, name)


def reference_name(name: str) -> str:
    """The reference's name of a column, whichever world names it."""
    return REFERENCE.get(name, name)


def our_names(stored: Iterable[str], where: str) -> dict[str, str]:
    """For each name of ours, the name that is stored.

    Raises:
        DataError: Two stored columns are one of ours.
    """
    names: dict[str, str] = {}
    for name in stored:
        known = names.setdefault(our_name(name), name)
        if known != name:
            what = f"the columns '{known}' and '{name}' are two names of one column, '{our_name(name)}'"
            raise DataError(what, where=where, hint="Keep one of them")
    return names


def unpadded(row: Row) -> dict[str, NDArray[Any]]:
    """A record without the padding behind its last piece.

    Args:
        row: Has `input_ids` and `attention_mask`; of the columns that have a value for each piece (these two,
            `token_type_ids`, and `labels` where they are as many) the end is left out.
    """
    used = np.flatnonzero(row["attention_mask"])
    length = int(used[-1]) + 1 if used.size else 0
    shape = row["input_ids"].shape
    return {
        name: values[:length] if name in _OF_PIECES and values.shape == shape else values
        for name, values in row.items()
    }


def as_column(values: NDArray[Any], column: Column) -> NDArray[Any]:
    """Values in a column's type and shape, where nothing is lost.

    Raises:
        ValueError: A sentence about why they are not that.
    """
    if values.dtype != column.dtype:
        values = _cast(values, column)
    if column.shape is None or values.shape == column.shape:
        return values
    if values.size != np.prod(column.shape, dtype=np.int64):
        shape = list(column.shape)
        raise ValueError(f"the column '{column.name}' has {values.size} values and should have the shape {shape}")
    return values.reshape(column.shape)


def _cast(values: NDArray[Any], column: Column) -> NDArray[Any]:
    if values.size and (values.dtype.kind == "f") != (column.dtype == "float32"):
        raise ValueError(f"the column '{column.name}' holds {values.dtype} and should hold {column.dtype}")
    cast = values.astype(column.dtype)
    if column.dtype == "int32" and not np.array_equal(cast, values):
        raise ValueError(f"the column '{column.name}' holds a number of more than 32 bits and should hold int32")
    return cast
