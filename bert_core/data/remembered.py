"""What was learnt from files by reading them through, kept in the user's cache while they stay the same."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bert_core.cache import cache_folder
from bert_core.data.opened import Version
from bert_core.files import sha256

Found = Mapping[str, NDArray[Any]]

_FORM = 1  # of what is kept; another one is not read
_YOUNG = 2e9  # ns; a file written just now may be written again within what its time can tell
_LARGE = 1 << 26  # bytes; smaller files are read through sooner than a cache is worth


def remembered(what: Any, paths: Sequence[Path], make: Callable[[], Found]) -> Found:
    """What `make` gives, or what it gave before for the same files.

    A file counts as the same where its path, its size and the time when it was written are.

    Args:
        what: What is learnt, with all that it depends on beside the files: a JSON value.
        paths: The files.
        make: Reads them through; its arrays must be writable as `.npz`.

    Raises:
        DataError: A file cannot be looked at.
    """
    versions = [Version.of(path) for path in paths]
    name = json.dumps([what, [str(path.resolve()) for path in paths]])
    kept = cache_folder() / "remembered" / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.npz"
    stamp = np.array([[_FORM, 0], *versions], np.int64)
    return _load(kept, stamp) or _keep(kept, stamp, make())


def digest_of(path: Path) -> str:
    """The SHA-256 of a file's content in hexadecimal; of a large one it is remembered.

    Raises:
        DataError: The file cannot be looked at.
    """
    if Version.of(path).size < _LARGE:
        return sha256(path)
    found = remembered("sha256", [path], lambda: {"digest": np.frombuffer(bytes.fromhex(sha256(path)), np.uint8)})
    return found["digest"].tobytes().hex()


def _load(kept: Path, stamp: NDArray[np.int64]) -> Found | None:
    """What is kept, if it is of these versions and whole."""
    try:
        with np.load(kept, allow_pickle=False) as stored:
            if not np.array_equal(stored["stamp"], stamp):
                return None
            return {name: stored[name] for name in stored.files if name != "stamp"}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None


def _keep(kept: Path, stamp: NDArray[np.int64], found: Found) -> Found:
    """Keep it, where that is possible; each process writes a file of its own and the last rename stays."""
    if time.time_ns() - stamp[1:, 1].max(initial=0) < _YOUNG:
        return found
    written = None
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=kept.parent, prefix=".", delete=False) as stream:
            written = Path(stream.name)
            np.savez(stream, stamp=stamp, **found)
        written.replace(kept)
    except OSError:
        if written is not None:
            written.unlink(missing_ok=True)
    return found
