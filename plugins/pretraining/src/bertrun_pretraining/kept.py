"""The user's cache of records: made by one run at a time, and gone when nothing has used them for a month."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from bert_core import DataError

DAYS = 30
_USED = ".used"  # its time says when a run last began with these records; runs that go on hold it
_KEY = re.compile("[0-9a-f]{32}")
_OURS = (_USED, ".index", ".making", ".pretrain-", "index", "pretrain-")
_in_use: dict[Path, IO[str]] = {}


@contextmanager
def locked(folder: Path, name: str, busy: Callable[[], None]) -> Iterator[None]:
    """The folder, for one process at a time; the lock goes with the process, however it ends.

    Args:
        folder: It is made where it is not there.
        name: Whose lock; a folder may have several.
        busy: Called where another process has it; where this raises nothing, the other's end is waited for.

    Raises:
        DataError: The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = (folder / f".{name}.lock").open("w")
    except OSError as error:
        raise DataError(f"the folder cannot be written: {error.strerror}", where=folder) from error
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            busy()
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def use(folder: Path) -> None:
    """Note that records are used now, and keep them while this process lives.

    Where the folder is not there yet, or is there to be read alone, nothing is noted. One that is just being removed is
    waited for: look after this whether it is whole.
    """
    with suppress(OSError):
        stream = (folder / _USED).open("a")
        fcntl.flock(stream, fcntl.LOCK_SH)
        if before := _in_use.pop(folder, None):
            before.close()
        _in_use[folder] = stream
        os.utime(folder / _USED)


def forget_unused(cache: Path, say: Callable[[str], None]) -> None:
    """Remove the folders of records with which no run has begun for `DAYS` days and that none reads now.

    `BERTRUN_CACHE` may name a folder in which people keep things of their own, so only what looks like ours is removed.
    """
    for folder in sorted(cache.iterdir()) if cache.is_dir() else ():
        with suppress(OSError):  # it is in use, or may not be removed
            if _is_ours(folder) and _last_used(folder) < time.time() - DAYS * 24 * 3600:
                _forget(folder)
                say(f"removed records that no run had used for {DAYS} days: {folder}")


def _is_ours(folder: Path) -> bool:
    """Whether it has the name of a key and nothing in it but what a build writes."""
    return _KEY.fullmatch(folder.name) is not None and all(
        path.name.startswith(_OURS) and not path.is_dir() for path in folder.iterdir()
    )


def _last_used(folder: Path) -> float:
    known = folder / _USED
    return (known if known.exists() else folder).stat().st_mtime


def _forget(folder: Path) -> None:
    with (folder / _USED).open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
