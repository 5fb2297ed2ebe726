"""The message that a MindSpore checkpoint is, walked through by seeking: the bytes of tensors are passed over.

It is `Checkpoint` of mindspore/train/checkpoint.proto (MindSpore 2.10), in the wire form of protocol buffers:

    Checkpoint   1: Value, once for each tensor or slice of one
    Value        1: name   2: TensorProto   3: the table of a map parameter
    TensorProto  1: size, once for each dimension   2: type, such as Float32   3: bytes, little-endian
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader
from typing import NamedTuple

from bert_core.protobuf import BYTES, VARINT, WireError, encode_bytes, encode_varint, signed, varint

_VALUE = 1
_NAME, _TENSOR, _MAP = 1, 2, 3
_SIZE, _TYPE, _CONTENT = 1, 2, 3

_NAME_LIMIT, _TYPE_LIMIT = 4096, 64  # bytes
_DIMENSIONS_LIMIT = 32
_VALUES_LIMIT = 100_000  # BERT of 24 layers with its optimizer has 1200
_HEAD = 20  # bytes of a field's number and its length, at most


class MessageError(Exception):
    """A sentence about what is wrong with a message."""


class Slice(NamedTuple):
    """What a value says of a tensor, and where in the file its bytes, or some of them, are: [start, end)."""

    name: str
    type: str
    shape: tuple[int, ...]
    place: tuple[int, int]


def slices(file: BufferedReader, end: int) -> Iterator[Slice]:
    """Each value of the message in a file's first bytes.

    Raises:
        MessageError: The message is cut short or is none.
    """
    for index, field in enumerate(_fields(file, 0, end)):
        if (field.number, field.wire) != (_VALUE, BYTES):
            raise MessageError(f"a field with the number {field.number} stands where a tensor is expected")
        if index == _VALUES_LIMIT:
            raise MessageError(f"it has more than the {_VALUES_LIMIT} tensors that are read")
        yield _value(file, field)


def before_content(name: str, type_: str, shape: tuple[int, ...], size: int) -> bytes:
    """A value up to its `size` bytes of numbers, which are the last thing in all three messages."""
    sizes = b"".join(encode_varint(_SIZE << 3 | VARINT) + encode_varint(length) for length in shape)
    tensor = sizes + encode_bytes(_TYPE, type_.encode()) + _begin(_CONTENT, size)
    value = encode_bytes(_NAME, name.encode()) + _begin(_TENSOR, len(tensor) + size) + tensor
    return _begin(_VALUE, len(value) + size) + value


def _begin(number: int, size: int) -> bytes:
    """The number and the length of a field of bytes."""
    return encode_varint(number << 3 | BYTES) + encode_varint(size)


class _Field(NamedTuple):
    """A field: its number, its wire type, its bytes [start, end) of the file or, of a number, its value."""

    number: int
    wire: int
    start: int
    end: int
    value: int


def _value(file: BufferedReader, value: _Field) -> Slice:
    name, tensor = None, None
    for field in _fields(file, value.start, value.end):
        if (field.number, field.wire) == (_NAME, BYTES) and name is None:
            name = _text(file, field, _NAME_LIMIT, "the name")
        elif (field.number, field.wire) == (_TENSOR, BYTES) and tensor is None:
            tensor = field
        elif field.number == _MAP:
            raise MessageError(f"{name!r} is a map parameter, which no BERT has")
        else:
            raise MessageError(f"what it says of the tensor {name!r} has an odd field with the number {field.number}")
    if name is None or tensor is None:
        raise MessageError(f"the tensor at byte {value.start} has no name or no values")
    return _tensor(file, name, tensor)


def _tensor(file: BufferedReader, name: str, tensor: _Field) -> Slice:
    shape: list[int] = []
    type_, content = None, None
    for field in _fields(file, tensor.start, tensor.end):
        if field.number == _SIZE:
            shape += _sizes(file, field)
        elif (field.number, field.wire) == (_TYPE, BYTES) and type_ is None:
            type_ = _text(file, field, _TYPE_LIMIT, "the type")
        elif (field.number, field.wire) == (_CONTENT, BYTES) and content is None:
            content = field
        else:
            raise MessageError(f"the tensor {name!r} has an odd field with the number {field.number}")
        if len(shape) > _DIMENSIONS_LIMIT or min(shape, default=0) < 0:
            raise MessageError(f"the shape of the tensor {name!r} is not one of up to {_DIMENSIONS_LIMIT} sizes")
    if type_ is None or content is None:
        raise MessageError(f"the tensor {name!r} has no type or no values")
    return Slice(name, type_, tuple(shape), (content.start, content.end))


def _sizes(file: BufferedReader, field: _Field) -> list[int]:
    """One size, or all of them packed into one field, which the wire form allows and MindSpore does not do."""
    if field.wire == VARINT:
        return [signed(field.value)]
    packed, place, sizes = memoryview(_content(file, field, 10 * _DIMENSIONS_LIMIT, "the shape")), 0, []
    while place < len(packed):
        size, place = _number(packed, place, field.start)
        sizes.append(signed(size))
    return sizes


def _text(file: BufferedReader, field: _Field, limit: int, what: str) -> str:
    try:
        return _content(file, field, limit, what).decode("utf-8")
    except UnicodeDecodeError:
        raise MessageError(f"{what} at byte {field.start} is not UTF-8") from None


def _content(file: BufferedReader, field: _Field, limit: int, what: str) -> bytes:
    size = field.end - field.start
    if size > limit:
        raise MessageError(f"{what} at byte {field.start} has {size} bytes, more than the {limit} that are read")
    file.seek(field.start)
    return file.read(size)


def _fields(file: BufferedReader, place: int, end: int) -> Iterator[_Field]:
    """Each field of the message between two places of a file."""
    while place < end:
        file.seek(place)
        head = memoryview(file.read(min(_HEAD, end - place)))
        key, size = _number(head, 0, place)
        number, wire = key >> 3, key & 7
        if wire not in (VARINT, BYTES) or number == 0:
            raise MessageError(f"there is no field of a checkpoint at byte {place}")
        value, size = _number(head, size, place)
        start = place + size
        place = start + (value if wire == BYTES else 0)
        if place > end:
            raise MessageError(f"a field of {value} bytes at byte {start} goes beyond the end, at {end}")
        yield _Field(number, wire, start, place, value)


def _number(message: memoryview, place: int, where: int) -> tuple[int, int]:
    try:
        return varint(message, place)
    except WireError:
        raise MessageError(f"there is no whole number at byte {where + place}") from None
