"""The operators in C, compiled once by the machine's own compiler and kept in the user's cache."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bert_core.cache import cache_folder

SOURCE = Path(__file__).with_name("adamw.c")
# No contraction: a product and a sum are rounded one after the other, in vectors and in what is left over alike.
FLAGS = (
    *("-std=c99", "-O3", "-march=native", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"),
    *("-fPIC", "-shared", "-pthread"),
)
_LIMIT = 120  # seconds; it takes less than one


class NotCompiledError(Exception):
    """Why there is no library, as the end of a sentence."""


def library() -> Path:
    """The library, compiled where this source, compiler and kind of processor have none in the cache yet.

    Raises:
        NotCompiledError: There is no compiler, or it fails, or what it wrote cannot be kept or loaded, or this is no
            Linux.
    """
    if sys.platform != "linux":
        raise NotCompiledError("MindSpore takes operators in C on Linux alone")
    compiler = shutil.which("cc")
    if compiler is None:
        raise NotCompiledError("there is no C compiler here (cc)")
    kept = cache_folder() / "compiled" / f"adamw-{_digest(compiler)}.so"
    if not _loads(kept):
        _compile(compiler, kept)
        if not _loads(kept):
            raise NotCompiledError(f"{kept} cannot be loaded")
    return kept


def _digest(compiler: str) -> str:
    """Of source and flags, and of what the compiler says of its version and of this processor."""
    told = _called([compiler, *FLAGS, "-E", "-###", "-x", "c", os.devnull])
    parts = (SOURCE.read_bytes(), repr(FLAGS).encode(), told.encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]


def _loads(path: Path) -> bool:
    try:
        ctypes.CDLL(str(path))
    except OSError:
        return False
    return True


def _compile(compiler: str, kept: Path) -> None:
    """Each process writes a file of its own, and the last rename stays."""
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".") as folder:
            made = Path(folder) / kept.name
            _called([compiler, *FLAGS, str(SOURCE), "-o", str(made), "-lm"])
            made.replace(kept)
    except OSError as error:
        raise NotCompiledError(f"{kept.parent} cannot be written: {error.strerror}") from None


def _called(command: Sequence[str]) -> str:
    """What a command says on its error stream, in English.

    Raises:
        NotCompiledError: It fails.
    """
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, errors="replace", timeout=_LIMIT, env={**os.environ, "LC_ALL": "C"}
        )
    except (OSError, subprocess.TimeoutExpired):
        raise NotCompiledError(f"the C compiler cannot be run ({command[0]})") from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise NotCompiledError(f"the C compiler fails ({lines[0] if lines else command[0]})")
    return done.stderr
