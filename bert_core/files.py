"""Files that are whole or not there: written beside their place, flushed to the disk, then renamed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


def flush_to_disk(path: Path) -> None:
    """Make the kernel write a file's content, or a folder's entries, to the disk."""
    if os.name == "nt" and path.is_dir():  # Windows opens no folder, and has nothing to flush for one
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Replace a file's content, whole or not at all."""
    sibling = _sibling(path)
    sibling.write_text(text, encoding="utf-8")
    flush_to_disk(sibling)
    sibling.replace(path)


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write that takes the path's place when the block ends well, and is removed when it does not."""
    path = path.resolve()  # a link stays a link
    sibling = _sibling(path)
    try:
        with sibling.open("wb") as stream:
            yield stream
        flush_to_disk(sibling)
        sibling.replace(path)
    except BaseException:
        sibling.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Replace a file by one JSON object, readable by people."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def link(path: Path, target: str) -> None:
    """Point a symbolic link at a relative target, replacing what it pointed at in one step."""
    sibling = _sibling(path)
    sibling.unlink(missing_ok=True)
    sibling.symlink_to(target)
    sibling.replace(path)


def _sibling(path: Path) -> Path:
    """Where the new content waits; the same name every time, so that what a killed process left is used up."""
    return path.with_name(f".{path.name}.new")


def sha256(path: Path) -> str:
    """The digest of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
