"""What embedded texts are written as: JSON lines, or the tensors of one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .embedder import TextPieces

_ENTRIES = 1024  # bytes; more than the header says of four tensors, however long they become


class VectorLines:
    """A JSON object for each text.

    Args:
        write: Takes a line, without its end.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def add(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Texts, each with its vector: `text`, `vector`."""
        for text, vector in zip(texts, vectors, strict=True):
            self._line({"text": text, "vector": _short(vector)})

    def add_pieces(self, found: Sequence[TextPieces]) -> None:
        """Texts with the vectors of their pieces: `text`, `pieces`, `offsets`, `vectors`."""
        for one in found:
            vectors = [_short(vector) for vector in one.vectors]
            self._line({"text": one.text, "pieces": one.pieces, "offsets": one.offsets, "vectors": vectors})

    def _line(self, record: Mapping[str, Any]) -> None:
        self._write(json.dumps(record, ensure_ascii=False))


def _short(vector: NDArray[np.float32]) -> list[float]:
    """Numbers whose shortest decimals are the same float32, half as long as those of the same double."""
    return [float(value) for value in vector.astype(str)]


class VectorTensors:
    """One safetensors file, written as vectors come.

    Of texts with a vector each it holds `embeddings` (texts, hidden_size) float32. Of texts with a vector for each
    piece it holds `vectors` (pieces, hidden_size) float32 of all texts one after the other, `starts` (texts + 1)
    int64, so that those of text i are `vectors[starts[i]:starts[i + 1]]`, `piece_ids` (pieces) int64 and `offsets`
    (pieces, 2) int64. Which piece an id is says the list in the metadata `vocabulary`.

    The format (https://huggingface.co/docs/safetensors) has its header first, and how many vectors there are is
    known last: room is left for it, which spaces fill up.

    Args:
        stream: A file that can be written anywhere, at its begin.
        metadata: What else its readers may want to know.
    """

    def __init__(self, stream: IO[bytes], metadata: Mapping[str, str]) -> None:
        self._stream = stream
        self._metadata = dict(metadata)
        self._room = -(-(len(json.dumps(self._metadata)) + _ENTRIES) // 8) * 8  # what follows is aligned
        self._name = "embeddings"
        self._shape = (0, 0)
        self._counts: list[int] = []
        self._ids: list[NDArray[np.int64]] = []
        self._offsets: list[NDArray[np.int64]] = []
        stream.write(bytes(8 + self._room))

    def add(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Texts, each with its vector; the texts themselves are not written."""
        self._rows(vectors)

    def add_pieces(self, found: Sequence[TextPieces]) -> None:
        """Texts with the vectors of their pieces."""
        self._name = "vectors"
        for one in found:
            self._rows(one.vectors)
            self._counts.append(len(one.ids))
            self._ids.append(np.asarray(one.ids, np.int64))
            self._offsets.append(np.asarray(one.offsets, np.int64))

    def close(self) -> None:
        """Write what comes last, then the header."""
        rest: dict[str, NDArray[np.int64]] = {}
        if self._counts:
            starts = np.concatenate([[0], np.cumsum(self._counts)]).astype(np.int64)
            rest = {
                "starts": starts,
                "piece_ids": np.concatenate(self._ids),
                "offsets": np.concatenate(self._offsets),
            }
        for array in rest.values():
            self._stream.write(array.astype("<i8").tobytes())
        header = json.dumps({"__metadata__": self._metadata, **self._entries(rest)}).encode("ascii")
        self._stream.seek(0)
        self._stream.write(self._room.to_bytes(8, "little") + header.ljust(self._room))

    def _rows(self, vectors: NDArray[np.float32]) -> None:
        self._stream.write(vectors.astype("<f4").tobytes())
        self._shape = (self._shape[0] + len(vectors), vectors.shape[1])

    def _entries(self, rest: Mapping[str, NDArray[np.int64]]) -> dict[str, Any]:
        shapes = {self._name: ("F32", 4, self._shape), **{name: ("I64", 8, a.shape) for name, a in rest.items()}}
        entries, start = {}, 0
        for name, (dtype, size, shape) in shapes.items():
            end = start + size * int(np.prod(shape))
            entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}
            start = end
        return entries
