"""Room and permission to write: in the folder where runs go, and where bertrun keeps what it can fetch again."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .finding import Finding

GIB = 1 << 30
LEAST = 2 * GIB  # a checkpoint of BERT base with two moments is 1.3 GB


def disk(name: str, folder: Path, advice: str) -> Iterator[Finding]:
    """Whether a folder, or the nearest one above it that exists, can be written, and has room.

    Args:
        name: What it is called.
        folder: The folder, which need not exist.
        advice: What to do where it cannot be written or is full.
    """
    try:
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"bertrun")
            file.flush()
        free = shutil.disk_usage(there).free
    except (OSError, ValueError, StopIteration) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        yield Finding(check=name, state="problem", what=f"{folder} cannot be written: {why}", advice=advice)
        return
    what = f"{folder}, {free / GIB:.1f} GiB free"
    if free < LEAST:
        yield Finding(
            check=name, state="warning", what=what, advice=f"A checkpoint of BERT base needs 1.3 GB. {advice}"
        )
    else:
        yield Finding(check=name, what=what)
