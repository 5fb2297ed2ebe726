"""Many records at once as `tf.train.Example` messages: what `example.encode` gives for each, many times as quickly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bert_core.data.example import FLOAT_LIST, INT64_LIST
from bert_core.protobuf import encode_bytes, encode_varint

_BITS = 7  # of a number in each byte of a varint


def encode_rows(columns: Mapping[str, NDArray[Any]]) -> Iterator[bytes]:
    """The message of each row.

    The packed bytes of a whole column are made at once, and only the headers of each record by Python.

    Args:
        columns: (rows, values), int32, int64 or float32.

    Raises:
        ValueError: A column is of another type.
    """
    for row in zip(*(_entries(name, columns[name]) for name in sorted(columns)), strict=True):
        yield encode_bytes(1, b"".join(row))


def _entries(name: str, values: NDArray[Any]) -> list[bytes]:
    """Of each row the pair of the column's name and its list, as a field of Features."""
    if values.dtype not in (np.int32, np.int64, np.float32):
        raise ValueError(f"the column '{name}' is {values.dtype}, and records hold int32, int64 and float32")
    floats = values.dtype == np.float32
    packed = _floats(values) if floats else _varints(values)
    heads = {size: _head(name, FLOAT_LIST if floats else INT64_LIST, size) for size in {len(one) for one in packed}}
    return [heads[len(one)] + one for one in packed]


def _head(name: str, kind: int, size: int) -> bytes:
    """What stands before the packed values, which are the last in each message around them."""
    head = b""
    for number, before in ((1, b""), (kind, b""), (2, encode_bytes(1, name.encode())), (1, b"")):
        head = before + encode_varint(number << 3 | 2) + encode_varint(len(head) + size) + head
    return head


def _floats(values: NDArray[Any]) -> list[bytes]:
    return [row.tobytes() for row in np.ascontiguousarray(values, "<f4")]


def _varints(values: NDArray[Any]) -> list[bytes]:
    numbers = values.astype(np.int64).view(np.uint64)
    most = max(1, -(-int(numbers.max(initial=0)).bit_length() // _BITS))
    if most == 1:
        return [row.tobytes() for row in numbers.astype(np.uint8)]
    shifted = numbers[..., None] >> (np.arange(most, dtype=np.uint64) * np.uint64(_BITS))  # (rows, values, bytes)
    there = shifted > 0
    there[..., 0] = True
    coded = (shifted & np.uint64(0x7F)).astype(np.uint8)
    coded[..., :-1] |= there[..., 1:] * np.uint8(1 << _BITS)  # more bytes follow
    content, ends = coded[there].tobytes(), np.cumsum(there.sum(axis=(1, 2))).tolist()
    return [content[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
