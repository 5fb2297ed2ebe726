"""A text file cut into parts at random, alike texts on one side."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

from bert_core.errors import DataError, UsageError
from bert_core.files import whole_file

Unit = Literal["line", "block"]
_SCALE = 1 << 64


def shares(text: str) -> dict[str, float]:
    """`train=0.8,dev=0.2` as shares, which sum to one.

    Raises:
        UsageError: It is not that.
    """
    hint = "Say for example train=0.8,dev=0.1,test=0.1"
    found: dict[str, float] = {}
    for item in text.split(","):
        name, equals, share = item.strip().partition("=")
        try:
            value = float(share)
        except ValueError:
            value = 0.0
        if not equals or not name.isidentifier() or name in found or not 0 < value <= 1:
            raise UsageError(f"--into {text!r}: {item.strip()!r} is no name with a share above 0", hint=hint)
        found[name] = value
    if abs(sum(found.values()) - 1) > 1e-6:
        raise UsageError(f"--into {text!r}: the shares sum to {sum(found.values()):g} and not to 1", hint=hint)
    return found


def unit_of(path: Path) -> Unit:
    """What stays together: a line where each is a JSON object or none is empty, else lines up to an empty one."""
    with path.open("rb") as stream:
        first = stream.readline(1 << 20).lstrip(b"\xef\xbb\xbf").lstrip()
        if first.startswith(b"{"):
            return "line"
        return "block" if any(not line.strip() for line in stream) else "line"


def split(
    path: Path, folder: Path, into: Mapping[str, float], *, seed: int, unit: Unit, header: bool
) -> dict[str, int]:
    """Write each part beside the others, in the file's order.

    Where a unit goes is decided by its own content and the seed, so that what comes twice does not leak from one
    part into another, and the same file is split alike wherever it is.

    Args:
        path: The file.
        folder: Where the parts go, with the file's ending.
        into: The share of each part by its name.
        seed: Any whole number.
        unit: What stays together.
        header: Whether the first line goes into every part.

    Returns:
        How many units each part has.

    Raises:
        DataError: The file cannot be read, or is empty.
        UsageError: A part is there already, or cannot be written.
    """
    targets = {name: folder / f"{name}{path.suffix}" for name in into}
    for target in targets.values():
        if target.exists():
            raise UsageError("this is there already", where=target, hint="Name another --output")
    counts = dict.fromkeys(into, 0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            streams = {name: stack.enter_context(whole_file(target)) for name, target in targets.items()}
            units = _units(path, unit)
            if header:
                first = next(units, b"")
                for stream in streams.values():
                    stream.write(first)
            for content in units:
                name = part_of(b" ".join(content.split()), into, seed)
                streams[name].write(content)
                counts[name] += 1
            if not any(counts.values()):
                raise DataError("the file is empty", where=path)
    except OSError as error:
        raise UsageError(f"the parts cannot be written: {error.strerror}", where=folder) from None
    return counts


def _units(path: Path, unit: Unit) -> Iterator[bytes]:
    block = b""
    try:
        with path.open("rb") as stream:
            for line in stream:
                ended = line if line.endswith(b"\n") else line + b"\n"
                if unit == "line":
                    if line.strip():
                        yield ended
                elif line.strip():
                    block += ended
                elif block:
                    yield block + b"\n"
                    block = b""
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror}", where=path) from None
    if block:
        yield block + b"\n"


def part_of(content: bytes, into: Mapping[str, float], seed: int) -> str:
    """Where a unit goes: a number from 0 to 1 made of its content, laid on the shares."""
    digest = hashlib.blake2b(content, digest_size=8, key=json.dumps(seed).encode()).digest()
    place, reached = int.from_bytes(digest, "big") / _SCALE, 0.0
    for name, share in into.items():
        reached += share
        if place < reached:
            return name
    return list(into)[-1]
