"""Asks the program of `torch_state` what a pickle describes, in a process with limits, and checks its answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bert_core.weights.archive import SIZES, Stored

from .torch_state.program import ANSWER_LIMIT
from .torch_state.tensors import Storage

_SECONDS = 60
_DIMENSIONS_LIMIT = 32

# Isolated and without site-packages: the process sees the standard library, and behind it this folder.
_PROGRAM = "import sys; sys.path.append(sys.argv[1]); from torch_state.program import main; main(*sys.argv[2:])"
_PYTHON = (sys.executable, "-I", "-S", "-B", "-c", _PROGRAM, str(Path(__file__).parent))


class StateError(Exception):
    """A sentence about why a pickle is not read."""


@dataclass(frozen=True)
class View(Stored):
    """A tensor as a view of a storage; the offset and the strides are in elements."""

    storage: str
    offset: int
    strides: tuple[int, ...]


@dataclass(frozen=True)
class State:
    """What a pickle describes.

    Args:
        tensors: The tensors by name.
        others: The names of what is no tensor.
        storages: What the tensors are views of, by key.
        order: The keys in the order in which the storages follow the pickles; empty for a zip archive.
        end: The byte behind the pickles; 0 for a zip archive.
    """

    tensors: Mapping[str, View]
    others: tuple[str, ...]
    storages: Mapping[str, Storage]
    order: tuple[str, ...]
    end: int


def describe(path: Path, layout: Literal["bare", "headed"], start: int, end: int) -> State:
    """What the pickle from one byte of a file to another describes; nothing that it names is run.

    Args:
        path: The file.
        layout: `bare` for one pickle, `headed` for a whole file of torch before 1.6.
        start: The first byte.
        end: The byte behind the last.

    Raises:
        StateError: It is no pickle of a state dict, or takes more time or memory than one does.
        OSError: The file or Python itself cannot be opened.
    """
    try:
        said = json.loads(_answer(path, layout, start, end))
        if "refused" in said:
            raise StateError(str(said["refused"]))
        return _checked(said)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise StateError(f"the process that reads its pickle answered amiss ({error})") from error


def _answer(path: Path, layout: str, start: int, end: int) -> bytes:
    command = [*_PYTHON, layout, str(start), str(end)]
    with path.open("rb") as file, tempfile.TemporaryFile() as answer:
        try:
            finished = subprocess.run(  # noqa: S603
                command, stdin=file, stdout=answer, stderr=subprocess.DEVNULL, timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise StateError(f"its pickle was not understood within {_SECONDS} seconds") from None
        if finished.returncode != 0:
            raise StateError(f"the process that reads its pickle ended with the status {finished.returncode}")
        if answer.seek(0, os.SEEK_END) > ANSWER_LIMIT:
            raise StateError("the process that reads its pickle answered too much")
        answer.seek(0)
        return answer.read()


def _checked(said: dict[str, Any]) -> State:
    """The answer, taken apart as if a stranger had written it."""
    storages = {key: Storage(key, _dtype(dtype), _size(count)) for key, (dtype, count) in said["storages"].items()}
    tensors = {}
    for name, (key, dtype, offset, shape, strides) in said["tensors"].items():
        if key not in storages or len(shape) != len(strides) or len(shape) > _DIMENSIONS_LIMIT:
            raise ValueError(f"the tensor {name!a}")
        sizes, steps = tuple(map(_size, shape)), tuple(map(_size, strides))
        tensors[name] = View(_dtype(dtype), sizes, key, _size(offset), steps)
    order = said.get("order", [])
    if not set(order) <= set(storages) or len(set(order)) != len(order):
        raise ValueError("the order of the storages")
    return State(tensors, tuple(map(str, said["others"])), storages, tuple(order), _size(said.get("end", 0)))


def _dtype(value: Any) -> str:
    if value not in SIZES:
        raise ValueError(f"the dtype {value!a}")
    return str(value)


def _size(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError(f"the size {value!a}")
    return value
