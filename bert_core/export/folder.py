"""The folder of an export: made only when nothing stands in the way, whole or not there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bert_core.errors import UsageError
from bert_core.files import flush_to_disk

RECORD = "export.json"


def check_free(path: Path, *, overwrite: bool) -> None:
    """Refuse a folder that an export may not be written to, before any work starts.

    Raises:
        UsageError: It holds an export and may not be replaced, holds something else, or cannot be written.
    """
    other = "Choose another --output"
    if path.exists() and not path.is_dir():
        raise UsageError("this is a file, and an export needs a folder", where=path, hint=other)
    if path.is_dir() and any(path.iterdir()):
        if not (path / RECORD).is_file():
            raise UsageError("this folder holds something other than an export", where=path, hint=other)
        if not overwrite:
            hint = "--overwrite replaces it, --output chooses another place"
            raise UsageError("this folder already holds an export", where=path, hint=hint)
    nearest = next(parent for parent in path.absolute().parents if parent.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        reason = "no permission to write" if nearest.is_dir() else "this is a file:"
        raise UsageError(f"cannot be made: {reason} {nearest}", where=path, hint=other)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder to write into, which takes the path's place when the block ends well and is removed when it does not.

    Raises:
        UsageError: It cannot be written, such as on a full disk.
    """
    path = path.resolve()  # a link stays a link
    sibling, old = (path.with_name(f".{path.name}.{word}-{os.getpid()}") for word in ("new", "old"))
    try:
        sibling.mkdir(parents=True)
        yield sibling
        for written in sibling.rglob("*"):
            flush_to_disk(written)
        if path.exists():
            path.rename(old)
        sibling.rename(path)
        flush_to_disk(path.parent)
    except OSError as error:
        if error.errno is None:  # no such error of the system, but of a parser that reads source files
            raise
        raise UsageError(f"the export cannot be written: {error.strerror}", where=path) from None
    finally:
        shutil.rmtree(sibling, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
