"""The paragraphs of a SQuAD file one at a time, in bounded memory, each value with its line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import ijson

from bert_core import DataError, lines

LIMIT = lines.LIMIT
"""Bytes of the longest paragraph, its questions included; SQuAD's longest has some ten thousand."""

DEPTH = 32
FORM = 'A file is {"data": [{"paragraphs": [{"context": "...", "qas": [...]}]}]}.'

Event = tuple[str, Any]
Place = tuple[str | int, ...]

# What must be where, with 0 for any index: SQuAD's own form, and that of CMRC 2018's first release.
_LEVELS = {
    ("data",): "an array",
    ("data", 0): "an object",
    ("data", 0, "paragraphs"): "an array",
    ("data", 0, "paragraphs", 0): "an object",
    (0,): "an object",
}
_PARAGRAPHS = (("data", 0, "paragraphs", 0), (0,))
_NEEDED = {(): "data", ("data", 0): "paragraphs"}

_KINDS = {
    "start_map": "an object",
    "start_array": "an array",
    "string": "a string",
    "boolean": "a boolean",
    "null": "null",
}


class Object(dict[str, Any]):
    """An object of a JSON file.

    Args:
        line: Where it begins, from 1.
    """

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line


def read_paragraphs(path: Path) -> Iterator[tuple[str, Object]]:
    """The paragraphs of a file, each with its place in it, such as `data[3].paragraphs[0]`.

    Args:
        path: A file as SQuAD's, with an object; or as CMRC 2018's first release, with an array of paragraphs.

    Raises:
        DataError: With the file and the line.
    """
    walk = _Walk(path)
    number = 0
    for line, event in _events(path, walk):
        found = walk.take(event, line)
        if found is not None:
            number += 1
            yield found
    if not number:
        raise DataError("the file has no paragraph", where=path, hint=FORM)


def _events(path: Path, walk: _Walk) -> Iterator[tuple[int, Event]]:
    """What the JSON reader finds, with the line at which it ends; it is fed piece by piece.

    A piece without an event is part of one long value, so the bytes since the last paragraph bound the memory.
    """
    found = ijson.sendable_list()
    reader = ijson.basic_parse_coro(found)
    line, held = 1, 0
    for line, content in _whole_escapes(path):
        held += len(content)
        damage = _damage(partial(reader.send, content))
        if isinstance(damage, SystemError):
            del found[:]  # a number with thousands of digits leaves an event whose value may not be touched
        for event in found:
            yield line, event
        del found[:]
        if damage is not None:
            what = f"the file is not JSON{_after(walk)}{_reason(damage)}"
            raise DataError.at(path, line, what, hint=FORM)
        held, walk.moved = 0 if walk.moved else held, False
        if held > LIMIT:
            what = f"{walk.name or 'a value'} has more than {LIMIT:,} bytes"
            raise DataError.at(path, line, what, hint="Cut long texts into paragraphs.")
    if _damage(reader.close) is not None:
        raise DataError.at(path, line, f"the file ends inside its JSON{_after(walk)}", hint="It was cut off.")


def _damage(read: Callable[[], object]) -> Exception | None:
    try:
        read()
    except (ijson.JSONError, ValueError, SystemError) as error:
        return error
    return None


def _after(walk: _Walk) -> str:
    return f" after {walk.name} began" if walk.name else ""


def _reason(error: Exception) -> str:
    """The reader's own words and what it had before it, where they are yajl's."""
    kind, _, rest = str(error).partition("\n")
    what = kind.partition("error: ")[2]
    near = rest.partition("\n")[0].strip()
    return f": {what.rstrip('.')} near {near[-40:]!r}" if what and near else ""


# yajl, which reads JSON here, takes half a surrogate pair for a question mark and says nothing.
_UNFINISHED = re.compile(rb"(?<!\\)(?:\\\\)*((?:\\u[dD][89abAB][0-9a-fA-F]{2})?(?:\\(?:u[0-9a-fA-F]{0,3})?)?)\Z")
_SURROGATES = re.compile(rb"(?<!\\)(?:\\\\)*((?:\\u[dD][89a-fA-F][0-9a-fA-F]{2})+)")
_PAIRS = re.compile(rb"(?:\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})+")


def _whole_escapes(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file in pieces, cut so that no escaped pair of surrogates goes over into the next one."""
    held, line = b"", 1
    for line, _, piece in lines.pieces(path):
        content = held + piece
        unfinished = _UNFINISHED.search(content, max(0, len(content) - 64))
        held = unfinished[1] if unfinished else b""
        for part in content[: len(content) - len(held)].splitlines(keepends=True):
            _check_surrogates(part, path, line)
            yield line, part
            line += part.endswith(b"\n")
    _check_surrogates(held, path, line)
    if held:
        yield line, held


def _check_surrogates(content: bytes, path: Path, line: int) -> None:
    for found in _SURROGATES.finditer(content) if b"\\u" in content else ():
        if not _PAIRS.fullmatch(found[1]):
            what = f"{found[1][:12].decode()} is half a surrogate pair, which is no character"
            raise DataError.at(path, line, what, hint="Write the file with its characters as they are, in UTF-8.")


@dataclass
class _Frame:
    """An object or array that is being read around the paragraphs."""

    array: bool
    key: str | int = -1
    complete: bool = False


class _Walk:
    """Where in the file the reader is, and the paragraph that it is in.

    `name` is the last paragraph that began, `moved` whether something began or ended outside of paragraphs.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._frames: list[_Frame] = []
        self._parts: list[Object | list[Any]] = []
        self._keys: list[str] = []
        self.name = ""
        self.moved = False

    def take(self, event: Event, line: int) -> tuple[str, Object] | None:
        """Go on by one event; the paragraph that it ends."""
        kind, value = event
        if len(self._frames) + len(self._parts) > DEPTH:
            raise self._error(line, f"the file nests deeper than {DEPTH} levels")
        if self._parts:
            found = self._build(kind, value, line)
            self.moved = self.moved or found is not None
            return found
        self.moved = True
        if kind == "map_key":
            self._frames[-1].key = value
        elif kind in ("end_map", "end_array"):
            self._leave(line)
        else:
            self._enter(kind, line)
        return None

    def _enter(self, kind: str, line: int) -> None:
        if self._frames and self._frames[-1].array:
            self._frames[-1].key = int(self._frames[-1].key) + 1
        place = tuple(frame.key for frame in self._frames)
        level = _level(place)
        found, wanted = _KINDS.get(kind, "a number"), _LEVELS.get(level)
        if (wanted and found != wanted) or (not level and found not in ("an object", "an array")):
            raise self._error(line, f"{_written(place)} is {found}, not {wanted or 'an object'}")
        if self._frames and self._frames[-1].key == _NEEDED.get(level[:-1]):
            if self._frames[-1].complete:
                raise self._error(line, f"there is {_written(place)} twice")
            self._frames[-1].complete = True
        if level in _PARAGRAPHS:
            self.name = _written(place)
            self._parts = [Object(line)]
            self._keys = []
        elif kind.startswith("start"):
            self._frames.append(_Frame(array=kind == "start_array"))

    def _leave(self, line: int) -> None:
        frame = self._frames.pop()
        place = tuple(frame.key for frame in self._frames)
        needed = None if frame.array else _NEEDED.get(_level(place))
        if needed and not frame.complete:
            raise self._error(line, f"{_written(place)} has no {needed!r}")

    def _build(self, kind: str, value: Any, line: int) -> tuple[str, Object] | None:
        if kind == "map_key":
            self._keys.append(value)
            if value in self._parts[-1]:
                raise self._error(line, f"{self.name} has {value!r} twice in one object")
            return None
        if kind in ("end_map", "end_array"):
            part = self._parts.pop()
            return (self.name, part) if not self._parts and isinstance(part, Object) else None
        part = self._parts[-1]
        new = Object(line) if kind == "start_map" else [] if kind == "start_array" else value
        if isinstance(part, Object):
            part[self._keys.pop()] = new
        else:
            part.append(new)
        if kind.startswith("start"):
            self._parts.append(new)
        return None

    def _error(self, line: int, what: str) -> DataError:
        return DataError.at(self._path, line, what, hint=FORM)


def _level(place: Place) -> Place:
    return tuple(0 if isinstance(key, int) else key for key in place) if len(place) <= 4 else place


def _written(place: Place) -> str:
    written = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in place)
    return written.removeprefix(".") or "the file"
