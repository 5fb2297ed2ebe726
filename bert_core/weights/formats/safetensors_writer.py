"""Writing one safetensors file, one tensor at a time (https://huggingface.co/docs/safetensors)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bert_core.errors import CheckpointError
from bert_core.files import flush_to_disk, whole_file

_ALIGNED = 8  # bytes: the data begins at a multiple of it
_ITEM = 4  # bytes of a float32
_METADATA = {"format": "pt"}  # which transformers wants to see: names and layouts are those of PyTorch


def write_safetensors(
    path: Path, shapes: Mapping[str, tuple[int, ...]], tensors: Iterable[tuple[str, NDArray[Any]]]
) -> None:
    """Write tensors as float32, whole or not at all.

    Args:
        path: The file; one that is there already is replaced.
        shapes: The shape of each tensor by its name.
        tensors: Names and values in the same order, asked for one at a time.

    Raises:
        CheckpointError: The file cannot be written.
        ValueError: A tensor is not the one whose turn it is, or of another shape.
    """
    try:
        with whole_file(path) as file:
            header = _header(shapes)
            file.write(len(header).to_bytes(8, "little") + header)
            for (name, shape), (given, values) in zip(shapes.items(), tensors, strict=True):
                if given != name or values.shape != shape:
                    raise ValueError(f"{name} {shape} was announced, and {given} {values.shape} came")
                file.write(np.ascontiguousarray(values, "<f4").data)
        flush_to_disk(path.resolve().parent)
    except OSError as error:
        raise CheckpointError(f"cannot write the weights: {error.strerror or error}", where=path) from error


def _header(shapes: Mapping[str, tuple[int, ...]]) -> bytes:
    entries: dict[str, Any] = {"__metadata__": _METADATA}
    start = 0
    for name, shape in shapes.items():
        end = start + _ITEM * math.prod(shape)
        entries[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [start, end]}
        start = end
    text = json.dumps(entries, separators=(",", ":")).encode("utf-8")
    return text.ljust(-(-len(text) // _ALIGNED) * _ALIGNED)
