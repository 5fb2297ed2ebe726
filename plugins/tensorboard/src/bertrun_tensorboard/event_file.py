"""Files of events: records with their length and checksums, one after the other."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.summary.writer.record_writer import RecordWriter

from .events import version

_HEAD, _FOOT = 12, 4  # bytes before a record (its length and the checksum of that) and after it (its checksum)


class EventFile:
    """A new file of events.

    Args:
        folder: Where it is made; its name comes after those of the files that are there.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        number = len(event_files(folder))
        self.path = folder / f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{number:04d}"
        self._records = RecordWriter(self.path.open("xb"))
        self.add(version())

    def add(self, event: Event) -> None:
        """Write an event, for whoever looks on to see it now."""
        self._records.write(event.SerializeToString())
        self._records.flush()

    def close(self) -> None:
        """Write no more."""
        self._records.close()


def event_files(folder: Path) -> list[Path]:
    """The files of events of a folder, in the order of their names."""
    return sorted(folder.glob("*tfevents*"))


def read(path: Path) -> Iterator[Event]:
    """The events of a file."""
    return (event for event, _ in _records(path))


def cut(path: Path, keep: Callable[[Event], bool]) -> None:
    """Leave only some events in a file, the same bytes; a last one that was not written to its end is left out."""
    kept = b"".join(record for event, record in _records(path) if keep(event))
    sibling = path.with_name(f".{path.name}.new")
    sibling.write_bytes(kept)
    sibling.replace(path)


def _records(path: Path) -> Iterator[tuple[Event, bytes]]:
    content = path.read_bytes()
    start = 0
    while start + _HEAD <= len(content):
        (length,) = struct.unpack_from("<Q", content, start)
        end = start + _HEAD + length + _FOOT
        if end > len(content):
            return
        try:
            event = Event.FromString(content[start + _HEAD : end - _FOOT])
        except DecodeError:
            return
        yield event, content[start:end]
        start = end
