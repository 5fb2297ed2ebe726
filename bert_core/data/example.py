"""`tf.train.Example`, the message in each TFRecord (tensorflow/core/example/{example,feature}.proto).

Example   1: Features
Features  1: a pair of a name (1) and a Feature (2), once for each feature
Feature   one of  1: BytesList   2: FloatList   3: Int64List
each list 1: its values, packed or one by one
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bert_core.data.varints import decode_lists, encode_list
from bert_core.protobuf import BYTES, FIXED32, VARINT, WireError, encode_bytes, fields, varint

BYTES_LIST, FLOAT_LIST, INT64_LIST, NOTHING = 1, 2, 3, 0
KINDS = {BYTES_LIST: "bytes", FLOAT_LIST: "float32", INT64_LIST: "int64", NOTHING: "nothing"}

_FIRST, _SECOND = 1 << 3 | BYTES, 2 << 3 | BYTES  # what stands before a field of a message
_KIND_OF = {kind << 3 | BYTES: kind for kind in (BYTES_LIST, FLOAT_LIST, INT64_LIST)}
_TAG = 1 << 3 | VARINT  # before each number of a list that is not packed

_List = tuple[int, list[memoryview]]  # its kind and the messages that it comes in
Parsed = Mapping[str, _List]
_Value = TypeVar("_Value", bound=np.generic)


def parse(record: bytes) -> Parsed:
    """For each feature its kind and the messages of its list, not decoded yet.

    As everywhere in protocol buffers the last of several features of one name counts, and a list may come in parts.

    Raises:
        WireError: The record is no Example.
    """
    found: dict[str, _List] = {}
    for features in _messages(memoryview(record)):
        for pair in _messages(features):
            name, found_list = _plain(pair) or _any(pair)
            found[name] = found_list
    return found


def _plain(pair: memoryview) -> tuple[str, _List] | None:
    """A name and its list as TensorFlow writes them, which is found faster; None for any other form."""
    try:
        begin = 2 + pair[1]
        size, place = varint(pair, begin + 1)
        inner, start = varint(pair, place + 1)
        plain = pair[0] == _FIRST and pair[1] < 0x80 and pair[begin] == _SECOND and pair[place] in _KIND_OF
        if not plain or place + size != len(pair) or start + inner != len(pair):
            return None
        return _text(pair[2:begin]), (_KIND_OF[pair[place]], [pair[start:]])
    except (IndexError, WireError):
        return None


def _any(pair: memoryview) -> tuple[str, _List]:
    name, feature = "", memoryview(b"")
    for number, wire, value in fields(pair):
        if wire == BYTES and isinstance(value, memoryview):
            name = _text(value) if number == 1 else name
            feature = value if number == 2 else feature
    return name, _list(feature)


def _messages(message: memoryview) -> list[memoryview]:
    """The messages of a message's first field."""
    first = []
    for number, _, value in fields(message):
        if number == 1:
            if not isinstance(value, memoryview):
                raise WireError("a number stands where a message belongs")
            first.append(value)
    return first


def _text(name: memoryview) -> str:
    try:
        return str(name, "utf-8")
    except UnicodeDecodeError:
        raise WireError("the name of a feature is not UTF-8") from None


def _list(feature: memoryview) -> _List:
    kind, parts = NOTHING, list[memoryview]()
    for number, wire, value in fields(feature):
        if wire == BYTES and isinstance(value, memoryview) and number in KINDS:
            parts = [*parts, value] if number == kind else [value]
            kind = number
    return kind, parts


def decode(parsed: Sequence[Parsed], names: Sequence[str]) -> list[dict[str, NDArray[Any]]]:
    """The numbers of some features of each record, int64 or float32, without those that are bytes or not there.

    A feature without values has no type in an Example, and comes as int64.

    Raises:
        WireError: A list is damaged.
    """
    rows: list[dict[str, NDArray[Any]]] = [{} for _ in parsed]
    packed: list[memoryview] = []
    places: list[tuple[int, str]] = []
    for index, record in enumerate(parsed):
        for name in names:
            kind, parts = record.get(name, (BYTES_LIST, []))
            if kind == FLOAT_LIST:
                rows[index][name] = _whole(parts, _float_list, np.dtype(np.float32))
            elif kind != BYTES_LIST:
                single = _packed(parts[0]) if len(parts) == 1 else None
                if single is None:
                    rows[index][name] = _whole(parts, _int_list, np.dtype(np.int64))
                else:
                    packed.append(single)
                    places.append((index, name))
    for (index, name), numbers in zip(places, decode_lists(packed), strict=True):
        rows[index][name] = numbers
    return rows


def _packed(message: memoryview) -> memoryview | None:
    """The packed values of a list that is nothing else, as TensorFlow writes it; None where it is not that."""
    if not len(message):
        return message
    if message[0] != _FIRST:
        return None
    length, start = varint(message, 1)
    return message[start:] if start + length == len(message) else None


def _whole(
    parts: Sequence[memoryview], one: Callable[[memoryview], NDArray[_Value]], dtype: np.dtype[_Value]
) -> NDArray[_Value]:
    lists = [one(part) for part in parts]
    return lists[0] if len(lists) == 1 else np.concatenate([np.zeros(0, dtype), *lists])


def _float_list(message: memoryview) -> NDArray[np.float32]:
    content = np.frombuffer(message, np.uint8)
    one_by_one = (1 << 3) | FIXED32
    if len(content) and content[0] == one_by_one and len(content) % 5 == 0:
        rows = content.reshape(-1, 5)
        if bool((rows[:, 0] == one_by_one).all()):
            return np.ascontiguousarray(rows[:, 1:]).view("<f4").ravel()
    lists = [_floats(value) for number, _, value in fields(message) if number == 1]
    return lists[0] if len(lists) == 1 else np.concatenate([np.zeros(0, np.float32), *lists])


def _floats(value: int | memoryview) -> NDArray[np.float32]:
    raw = value.to_bytes(4, "little") if isinstance(value, int) else value
    if len(raw) % 4:
        raise WireError(f"a list of float32 has {len(raw)} bytes")
    return np.frombuffer(raw, "<f4")


def _int_list(message: memoryview) -> NDArray[np.int64]:
    """A list of which at least a part is not packed."""
    if len(message) and message[0] == _TAG:
        numbers = decode_lists([message])[0]
        if len(numbers) % 2 == 0 and bool((numbers[::2] == _TAG).all()):
            return numbers[1::2]
    lists = [_ints(value) for number, _, value in fields(message) if number == 1]
    return np.concatenate([np.zeros(0, np.int64), *lists])


def _ints(value: int | memoryview) -> NDArray[np.int64]:
    if isinstance(value, int):
        return np.array([value], np.uint64).view(np.int64)
    return decode_lists([value])[0]


def encode(row: Mapping[str, NDArray[Any]]) -> bytes:
    """An Example with the columns of a row, in the order of their names, packed.

    Raises:
        ValueError: A sentence about an array that is no int32, int64 or float32.
    """
    pairs = (encode_bytes(1, name.encode()) + encode_bytes(2, _feature(name, row[name])) for name in sorted(row))
    return encode_bytes(1, b"".join(encode_bytes(1, pair) for pair in pairs))


def _feature(name: str, values: NDArray[Any]) -> bytes:
    if values.dtype in (np.dtype(np.int64), np.dtype(np.int32)):
        return encode_bytes(INT64_LIST, encode_bytes(1, encode_list(values)))
    if values.dtype == np.float32:
        return encode_bytes(FLOAT_LIST, encode_bytes(1, values.astype("<f4").tobytes()))
    raise ValueError(f"the column '{name}' is {values.dtype}, and records hold int32, int64 and float32")
