"""What processes print: each line to the console with the process's name, and to a file of its own."""

from __future__ import annotations

import re
import threading
from collections import deque
from typing import BinaryIO

from .plan import Process

LAST = 20
_CLUSTER = re.compile(rb"\[(INFO|WARNING)\] DISTRIBUTED\(")  # MindSpore's account of how ranks meet and part
LONGEST = 65536  # a longer line is cut into pieces, so that memory stays bounded


class Console:
    """A stream that many processes share, line by line."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream: BinaryIO | None = stream
        self._lock = threading.Lock()

    def line(self, name: str, text: bytes) -> None:
        """Write one line; nothing more once the reader has gone."""
        with self._lock:
            if self._stream is None:
                return
            try:
                self._stream.write(f"[{name}] ".encode() + text.rstrip(b"\n") + b"\n")
                self._stream.flush()
            except (OSError, ValueError):
                self._stream = None


class Output(threading.Thread):
    """What one process prints, followed to its end; the last lines are remembered, and the file keeps all of them."""

    def __init__(self, process: Process, source: BinaryIO, console: Console) -> None:
        super().__init__(daemon=True)
        self._process, self._source, self._console = process, source, console
        self._last: deque[bytes] = deque(maxlen=LAST)

    def run(self) -> None:
        """Follow it."""
        try:
            with self._process.log.open("wb", buffering=0) as log:
                self._follow(log)
        except OSError as error:  # a full disk stops the file, and no worker waits for a reader
            self._console.line(self._process.name, f"{self._process.log}: {error.strerror}".encode())
            self._follow(None)

    def last_lines(self) -> str:
        """The last lines so far."""
        return b"".join(self._last).decode("utf-8", "replace").rstrip("\n")

    def _follow(self, log: BinaryIO | None) -> None:
        for text in iter(lambda: self._source.readline(LONGEST), b""):
            if not _CLUSTER.match(text):
                self._last.append(text)
                self._console.line(self._process.name, text)
            if log is not None:
                log.write(text)
