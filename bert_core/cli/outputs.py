"""Files that a command writes: refused before any work, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bert_core.errors import UsageError
from bert_core.files import whole_file


def check_writable(file: Path, option: str) -> None:
    """Refuse a place where no file can be written.

    Raises:
        UsageError: It is a folder, in no folder, or may not be written.
    """
    if not file.parent.is_dir():
        raise UsageError(f"there is no such folder for {option}", where=file.parent)
    if file.is_dir():
        raise UsageError(f"this is a folder, and {option} names a file", where=file)
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise UsageError(f"there is no permission to write {option}", where=file)


def check_replaceable(file: Path, option: str) -> None:
    """Refuse a place where no file can be put in another's stead.

    Raises:
        UsageError: As `check_writable`, or it is a pipe or a device, or its folder may not be written.
    """
    check_writable(file, option)
    if file.exists() and not file.is_file():
        raise UsageError(f"this is no regular file, and {option} replaces what is there", where=file)
    if not os.access(file.resolve().parent, os.W_OK):
        raise UsageError(f"there is no permission to write {option} into this folder", where=file.resolve().parent)


@contextmanager
def replaced(file: Path) -> Iterator[IO[bytes]]:
    """A file to write that takes the place of another when the block ends well.

    Raises:
        UsageError: It cannot be written, such as on a full disk.
    """
    try:
        with whole_file(file) as stream:
            yield stream
    except OSError as error:
        raise UsageError(f"the file cannot be written: {error.strerror}", where=file) from None
