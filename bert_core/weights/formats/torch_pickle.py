"""One `pytorch_model.bin`, read without torch and without running what its pickle names.

A pickle can name any function of Python and have it called. Here a process of its own takes the pickle apart
into descriptions (`torch_state`), and the tensors are read as those say, after each was checked against the
bytes that are there. The layouts are those of torch/serialization.py: the zip archive that torch writes since
1.6, and the row of pickles and storages before it.
"""

from __future__ import annotations

import math
import stat
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from bert_core.errors import CheckpointError
from bert_core.weights.archive import SIZES

from .floats import READ_AS, as_float32
from .state_process import State, StateError, View, describe
from .stored_zip import Member, ZipError, members

_ZIP, _PICKLE = b"PK\3\4", b"\x80"
_TAR, _TAR_PLACE = b"ustar", 257
_HEAD = 512  # bytes looked at
_ELEMENTS_LIMIT = 1 << 48  # NumPy refuses what has more, also where an axis of size 0 makes it empty
_HINT = "It is damaged, or holds more than a dict of tensors: fetch it again, or save model.state_dict() as safetensors"


class TorchPickle:
    """The tensors of one file.

    Attributes:
        path: The file.
        files: The same.
        tensors: What the pickle says of each tensor, by name.
        others: The names of what is stored beside the tensors and is not read.
    """

    def __init__(self, path: Path) -> None:
        """Read and check what describes the tensors; no tensor is read.

        Raises:
            CheckpointError: The file is no regular file, cut short, or holds more than a dict of tensors.
        """
        self.path = path
        self.files = (path,)
        try:
            if not stat.S_ISREG(path.stat().st_mode):  # asked before opening: a pipe would wait for a writer
                raise StateError("it is not a regular file")
            with path.open("rb") as file:
                state, self._storages = _opened(path, file)
            for name, view in state.tensors.items():
                _check(name, view, self._storages[view.storage])
        except OSError as error:
            raise CheckpointError(f"cannot read the weights: {error.strerror or error}", where=path) from error
        except (ZipError, StateError) as error:
            raise CheckpointError(str(error), where=path, hint=_HINT) from None
        self.tensors: Mapping[str, View] = MappingProxyType(dict(state.tensors))
        self.others = state.others

    def read(self, name: str) -> NDArray[np.float32]:
        """One tensor; half, double and bfloat16 numbers become float32.

        Raises:
            CheckpointError: It holds no floating-point numbers, or its bytes are not what was written.
        """
        view = self.tensors[name]
        if view.dtype not in READ_AS:
            what = f"the tensor {name!r} is stored as {view.dtype}, and weights are F32, F16, BF16 or F64"
            raise CheckpointError(what, where=self.path)
        storage, span = self._storages[view.storage], _span(view)
        row = self._row(name, view.dtype, span, storage.start + view.offset * SIZES[view.dtype])
        if storage.crc and row.nbytes == storage.size and zlib.crc32(row.data) != storage.crc:
            what = f"the CRC-32 of the tensor {name!r} is not that of its bytes"
            raise CheckpointError(what, where=self.path, hint="The file is damaged: fetch it again")
        return _arranged(as_float32(row, view.dtype), view)

    def _row(self, name: str, dtype: str, count: int, start: int) -> NDArray[Any]:
        try:
            row = np.fromfile(self.path, READ_AS[dtype], count=count, offset=start)
        except OSError as error:
            raise CheckpointError(f"cannot read the weights: {error.strerror or error}", where=self.path) from error
        if row.size != count:
            raise CheckpointError(f"the file ends inside the tensor {name!r}: it has changed", where=self.path)
        return row


def _opened(path: Path, file: BinaryIO) -> tuple[State, dict[str, Member]]:
    """What the pickle describes, and where the bytes of each storage lie."""
    head = file.read(_HEAD)
    if head.startswith(_ZIP):
        return _zip_archive(path, file)
    if head[_TAR_PLACE:].startswith(_TAR):
        raise StateError("it is a tar archive, as the first versions of torch wrote, which is not read")
    if not head.startswith(_PICKLE):
        raise StateError("it begins neither as a zip archive nor as a pickle")
    return _row_of_pickles(path, file)


def _zip_archive(path: Path, file: BinaryIO) -> tuple[State, dict[str, Member]]:
    found = members(file)
    tops = [name.removesuffix("/data.pkl") for name in found if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(tops) != 1:
        raise StateError(f"it is a zip archive with {len(tops)} data.pkl, and torch writes one")
    _check_byte_order(file, found.get(f"{tops[0]}/byteorder"))
    pickled = found[f"{tops[0]}/data.pkl"]
    state = describe(path, "bare", pickled.start, pickled.start + pickled.size)
    storages = {}
    for key, storage in state.storages.items():
        member, size = found.get(f"{tops[0]}/data/{key}"), storage.count * SIZES[storage.dtype]
        if member is None or member.size != size:
            has = "is not there" if member is None else f"has {member.size} bytes"
            raise StateError(f"its storage {key!a} should have {size} bytes and {has}")
        storages[key] = member
    return state, storages


def _check_byte_order(file: BinaryIO, member: Member | None) -> None:
    """Older versions of torch wrote nothing about it, and ran on little-endian machines."""
    if member is None:
        return
    file.seek(member.start)
    order = file.read(min(member.size, 8))
    if order != b"little":
        raise StateError(f"it was written on a big-endian machine: its byteorder is {order!r}")


def _row_of_pickles(path: Path, file: BinaryIO) -> tuple[State, dict[str, Member]]:
    size = file.seek(0, 2)
    state = describe(path, "headed", 0, size)
    storages, place = {}, state.end
    for key in state.order:
        storage = state.storages[key]
        file.seek(place)
        count = int.from_bytes(file.read(8), "little")
        if count != storage.count:
            raise StateError(f"its storage {key!a} should have {storage.count} numbers and has {count}")
        storages[key] = Member(place + 8, count * SIZES[storage.dtype], 0)
        place = storages[key].start + storages[key].size
        if place > size:
            raise StateError(f"it is cut short: its storage {key!a} goes to byte {place}, and the file to {size}")
    if place != size:
        raise StateError(f"{size - place} bytes are left over at its end")
    return state, storages


def _check(name: str, view: View, storage: Member) -> None:
    room = storage.size // SIZES[view.dtype]
    if view.offset + _span(view) > room:
        raise StateError(f"the tensor {name!a} goes beyond its storage of {room} numbers")
    if math.prod(filter(None, view.shape)) >= _ELEMENTS_LIMIT:
        raise StateError(f"the tensor {name!a} has the shape {view.shape}, which no tensor has")
    if math.prod(view.shape) > room:  # a stride of 0 would make an array of any size of one number
        raise StateError(f"the tensor {name!a} of shape {view.shape} repeats the {room} numbers of its storage")


def _span(view: View) -> int:
    """How many elements lie from the first to the last of a tensor."""
    if 0 in view.shape:
        return 0
    return 1 + sum((size - 1) * stride for size, stride in zip(view.shape, view.strides, strict=True))


def _arranged(row: NDArray[np.float32], view: View) -> NDArray[np.float32]:
    """The numbers in the order of the tensor's own axes."""
    if row.size == 0 or (row.size == math.prod(view.shape) and _is_row_major(view)):
        return row.reshape(view.shape)
    strides = [stride * row.itemsize if size > 1 else 0 for size, stride in zip(view.shape, view.strides, strict=True)]
    arranged: NDArray[np.float32] = np.ascontiguousarray(as_strided(row, view.shape, strides))
    return arranged


def _is_row_major(view: View) -> bool:
    expected = 1
    for size, stride in zip(reversed(view.shape), reversed(view.strides), strict=True):
        if size > 1 and stride != expected:
            return False
        expected *= size
    return True
