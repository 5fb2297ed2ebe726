"""A TensorFlow checkpoint, read without TensorFlow and with suspicion: its index whole, its tensors one at a time.

It is of the second version, that of Google's BERT: `bert_model.ckpt.index` describes the tensors, and
`bert_model.ckpt.data-00000-of-00001`, one file or more, holds their bytes, perhaps with padding between them.
"""

from __future__ import annotations

import math
import stat
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from bert_core.crc32c import masked
from bert_core.errors import CheckpointError
from bert_core.weights.formats.floats import READ_AS, as_float32
from bert_core.weights.formats.sorted_table import MAGIC
from bert_core.weights.formats.tensorflow_index import Entry, IndexFault, parsed
from bert_core.weights.recognise import inside

_INDEX_LIMIT = 4 << 20  # bytes; that of a BERT of 24 layers with Adam's moments is under 100 KiB
_CHUNK = 1 << 20  # bytes that are read and checked at once


class TensorflowBundle:
    """The tensors of one checkpoint.

    Names are as they are stored, so the moments of an optimizer (`.../adam_m`) and the names that TensorFlow 2 makes
    of objects (`model/.../.ATTRIBUTES/VARIABLE_VALUE`) are among them: a table of names says which ones are weights.

    Attributes:
        path: The index.
        files: It and the files of data.
        tensors: What the index says of each tensor, by name.
    """

    def __init__(self, prefix_or_index: Path) -> None:
        """Read and check the index, and the sizes of the data files; no tensor is read.

        Args:
            prefix_or_index: `bert_model.ckpt`, what the names of the files have in common, or `bert_model.ckpt.index`.

        Raises:
            CheckpointError: A file is missing, cut short or damaged, a variable is stored in parts, or the
                checkpoint is of the first version.
        """
        self.path = _index_path(prefix_or_index)
        try:
            index = parsed(_content(self.path))
        except OSError as error:
            hint = "Name the index, or what the names of the checkpoint's files have in common"
            raise CheckpointError(f"cannot read the weights: {error.strerror}", where=self.path, hint=hint) from error
        except IndexFault as error:
            raise CheckpointError(str(error), where=self.path, hint=error.hint) from None
        self._shards = index.shards
        self.tensors: Mapping[str, Entry] = index.tensors
        self._check_data()
        self.files = (self.path, *sorted({self._data(entry.shard) for entry in self.tensors.values()}))

    def read(self, name: str) -> NDArray[np.float32]:
        """One tensor; half, double and bfloat16 numbers become float32.

        Raises:
            CheckpointError: It holds no floating-point numbers, or its bytes are not those that were written.
        """
        entry = self.tensors[name]
        if entry.dtype not in READ_AS:
            what = f"the tensor {name!r} is stored as {entry.dtype}, and weights are F32, F16, BF16 or F64"
            raise CheckpointError(what, where=self.path)
        data = self._data(entry.shard)
        stored = np.empty(math.prod(entry.shape), READ_AS[entry.dtype])
        try:
            checksum = _fill(stored.view(np.uint8), data, entry.start)
        except OSError as error:
            raise CheckpointError(f"cannot read the tensor {name!r}: {error.strerror}", where=data) from error
        except EOFError:
            raise CheckpointError(f"the file ends inside the tensor {name!r}: it has changed", where=data) from None
        if masked(checksum) != entry.checksum:
            what = f"the tensor {name!r} does not have the checksum that was written"
            raise CheckpointError(what, where=data, hint="The file is damaged: fetch it again")
        return as_float32(stored, entry.dtype).reshape(entry.shape)

    def _data(self, shard: int) -> Path:
        name = f"{self.path.name.removesuffix('.index')}.data-{shard:05d}-of-{self._shards:05d}"
        return inside(self.path.parent, name)

    def _check_data(self) -> None:
        tensors = sorted(self.tensors.items(), key=lambda item: (item[1].shard, item[1].start, item[1].end))
        for shard, group in groupby(tensors, lambda item: item[1].shard):
            _check_shard(self._data(shard), list(group))


def _index_path(given: Path) -> Path:
    if given.suffix == ".index":
        return given
    index = Path(f"{given}.index")
    if not index.exists() and _is_table(given):
        what = (
            "it is a checkpoint of TensorFlow's first version, one file without an index, which bertrun does not read"
        )
        hint = "Restore it with TensorFlow and save it with tf.compat.v1.train.Saver, which writes the second version"
        raise CheckpointError(what, where=given, hint=hint)
    return index


def _is_table(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - len(MAGIC), 0))
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _content(index: Path) -> bytes:
    if not stat.S_ISREG(index.stat().st_mode):  # asked before opening: a pipe would wait for a writer
        raise IndexFault("it is not a regular file")
    with index.open("rb") as file:
        content = file.read(_INDEX_LIMIT + 1)
    if len(content) > _INDEX_LIMIT:
        raise IndexFault(f"it has more than the {_INDEX_LIMIT} bytes that are read of an index")
    return content


def _check_shard(path: Path, tensors: Sequence[tuple[str, Entry]]) -> None:
    """That each tensor, in the order in which they lie, is in the file and on no other."""
    first = tensors[0][0]
    try:
        status = path.stat()
    except OSError as error:
        what = f"cannot read the tensor {first!r}: {error.strerror}"
        raise CheckpointError(what, where=path, hint="The data files lie beside the index") from error
    if not stat.S_ISREG(status.st_mode):
        raise CheckpointError(f"cannot read the tensor {first!r}: it is not a regular file", where=path)
    place = 0
    for name, entry in tensors:
        if entry.start < place:
            raise CheckpointError(f"the tensor {name!r} overlaps the one before it", where=path)
        if entry.end > status.st_size:
            what = f"the tensor {name!r} ends at byte {entry.end} and the file has {status.st_size} bytes"
            raise CheckpointError(what, where=path, hint="The file is cut short: fetch it again")
        place = entry.end


def _fill(room: NDArray[np.uint8], path: Path, start: int) -> int:
    """Read as many bytes as there is room for; the checksum of what was read."""
    checksum = 0
    with path.open("rb") as file:
        file.seek(start)
        for place in range(0, room.size, _CHUNK):
            part = room[place : place + _CHUNK]
            chunk = file.read(part.size)
            if len(chunk) < part.size:
                raise EOFError
            checksum = google_crc32c.extend(checksum, chunk)
            part[:] = np.frombuffer(chunk, np.uint8)
    return checksum
