"""Which format weights are in, by what their files hold."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bert_core.errors import CheckpointError

Format = Literal["safetensors", "safetensors-shards", "torch", "torch-shards", "tensorflow", "mindspore"]

TITLES: Mapping[Format, str] = {
    "safetensors": "safetensors",
    "safetensors-shards": "safetensors in several files",
    "torch": "a PyTorch pickle",
    "torch-shards": "PyTorch pickles",
    "tensorflow": "a TensorFlow checkpoint",
    "mindspore": "a MindSpore checkpoint",
}
READ = "Read are safetensors, PyTorch's .bin, TensorFlow's .index and .data, and MindSpore's .ckpt"

# In a folder, the first of these that is there. Others lie beside them: optimizer states, training arguments.
_NAMES = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
_PATTERNS = ("*.index", "*.ckpt", "*.safetensors", "*.bin")
_BESIDE = ("training.safetensors", "training_args.bin", "optimizer.bin", "scheduler.bin")  # of no model
_REFUSED = {
    b"\x89HDF\r\n\x1a\n": "a Keras file (HDF5)",
    b"version https://git-lfs": "a pointer of Git LFS: the weights themselves were not fetched",
    b"\x1f\x8b": "compressed with gzip",
    b"<!DOCTYPE": "a web page",
    b"<html": "a web page",
}
_ENCRYPTED = (b"\xd8\x5e\x3a\x7f", b"\xd9\x5e\x3a\x7f", b"\xda\x5e\x3a\x7f")  # by MindSpore, whose reader says so
_ZIP, _PICKLE = b"PK\x03\x04", b"\x80"
_TABLE = (0xDB4775248B80FB57).to_bytes(8, "little")  # the last bytes of a TensorFlow index
_LONGEST_HEADER = 1 << 32  # bytes; what is longer than is read is refused where it is read
_HEAD = 512  # bytes looked at


@dataclass(frozen=True)
class Found:
    """What was found.

    Args:
        format: Its format.
        path: The file that describes the tensors.
    """

    format: Format
    path: Path


def recognise(path: Path) -> Found:
    """The weights that a path means: a file of them, a folder that holds one set, or a TensorFlow prefix.

    Raises:
        CheckpointError: There are none, more than one set, or in a format that is not read.
    """
    if path.is_dir():
        path = _choose(path)
    elif not path.exists() and path.with_name(path.name + ".index").is_file():
        path = path.with_name(path.name + ".index")
    return Found(_format(path), path)


def _choose(folder: Path) -> Path:
    for name in _NAMES:
        if (folder / name).exists():
            return inside(folder, name)
    for pattern in _PATTERNS:
        names = sorted(found.name for found in folder.glob(pattern) if found.is_file() and found.name not in _BESIDE)
        if len(names) > 1:
            hint = "Name the file itself"
            raise CheckpointError(f"there are several weights: {', '.join(names[:4])}", where=folder, hint=hint)
        if names:
            return inside(folder, names[0])
    raise CheckpointError("there are no weights in this folder", where=folder, hint=READ)


def inside(folder: Path, name: str) -> Path:
    """A file of a folder, which may not be a link that leads out of it, except to the blobs of a Hugging Face cache.

    Raises:
        CheckpointError: It does.
    """
    path = folder / name
    target, root = path.resolve(), folder.resolve()
    if target.is_relative_to(root) or _is_cached(root, target):
        return path
    hint = "Copy the folder with its links followed: cp -rL"
    raise CheckpointError(f"it is a link that leaves the folder, to {target}", where=path, hint=hint)


def _is_cached(root: Path, target: Path) -> bool:
    """Whether a folder is `models--*/snapshots/*` and the target lies in its `models--*/blobs`."""
    model = root.parent.parent
    return root.parent.name == "snapshots" and model.name.startswith("models--") and target.parent == model / "blobs"


def _format(path: Path) -> Format:
    head, tail = _ends(path)
    for begin, what in _REFUSED.items():
        if head.startswith(begin):
            raise CheckpointError(f"this is {what}", where=path, hint=READ)
    if tail == _TABLE:
        return "tensorflow"
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < _LONGEST_HEADER:
        return "safetensors"
    if head.startswith((_ZIP, _PICKLE)):  # after safetensors, whose first byte, of a length, may be any
        return "torch"
    if head.lstrip()[:1] == b"{":
        return _index(path)
    if head[:1] == b"\x0a" or head.startswith(_ENCRYPTED):  # field 1 of a message, of bytes
        return "mindspore"
    if head[8:9] == b"{":  # a header longer than the file, which its reader says
        return "safetensors"
    raise CheckpointError("these are no weights in a format that is known", where=path, hint=READ)


def _index(path: Path) -> Format:
    """Of the JSON indexes, by what they are called: the files that they name have either ending."""
    if path.name.endswith(".safetensors.index.json"):
        return "safetensors-shards"
    if path.name.endswith(".bin.index.json"):
        return "torch-shards"
    raise CheckpointError("this is JSON, and no index of weights", where=path, hint=READ)


def _ends(path: Path) -> tuple[bytes, bytes]:
    """The first bytes of a file and its last eight."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # asked before opening: a pipe would wait for a writer
            raise CheckpointError("it is not a regular file", where=path)
        with path.open("rb") as file:
            head = file.read(_HEAD)
            file.seek(max(0, status.st_size - len(_TABLE)), os.SEEK_SET)
            return head, file.read(len(_TABLE))
    except FileNotFoundError:
        raise CheckpointError("there are no such weights", where=path) from None
    except OSError as error:
        raise CheckpointError(f"cannot read the weights: {error.strerror}", where=path) from None
