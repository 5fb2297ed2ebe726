"""A text file cut into parts at random, alike texts on one side."""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

from bert_core import lines
from bert_core.errors import DataError, UsageError
from bert_core.files import whole_file

# A declaration, or a tag with nothing after it but the next one; words in columns may begin with `<` too.
_XML = re.compile(rb"<\?xml\s|(<!--.*-->|<!DOCTYPE\s[^>]*>?|<[A-Za-z_][^<>\t]*>)\s*(<|\Z)")

Unit = Literal["line", "block"]
_SCALE = 1 << 64
_LOOK = 1 << 20  # bytes of the first line that are looked at


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
    """What stays together: a line where each is a JSON object or none is empty, else lines up to an empty one.

    Raises:
        DataError: It is one document of JSON or XML, in which lines mean nothing; or it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            first = stream.readline(_LOOK).removeprefix(codecs.BOM_UTF8)
            while first and not first.strip():
                first = stream.readline(_LOOK)
            if _is_document(first.strip()):
                hint = "Make records of it, such as by `bertrun data convert`, and split those"
                raise DataError("this is one document, whose lines are no examples", where=path, hint=hint)
            if first.lstrip().startswith(b'{"'):
                return "line"
            return "block" if any(not line.strip() for line in stream) else "line"
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror}", where=path) from None


def _is_document(first: bytes) -> bool:
    """Whether a file whose first line this is, or the beginning of it, is JSON as a whole, or XML."""
    if first.startswith(b"["):
        return first[1:].lstrip()[:1] in (b"", b"{")
    if not first.startswith(b"{"):
        return _XML.match(first) is not None
    try:
        return isinstance(json.loads(first).get("data"), list)
    except (ValueError, RecursionError):
        return first == b"{" or len(first) >= _LOOK or (first.startswith(b'{"') and first.endswith((b",", b"[", b"{")))


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
        DataError: The file cannot be read, is empty, or is no text in UTF-8; nothing is written.
        UsageError: A part is there already, or cannot be written.
    """
    targets = {name: folder / f"{name}{path.suffix}" for name in into}
    for target in targets.values():
        if target.exists():
            raise UsageError("this is there already", where=target, hint="Name another --output")
    for _ in lines.pieces(path):
        pass  # what is no text would be cut anywhere
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
