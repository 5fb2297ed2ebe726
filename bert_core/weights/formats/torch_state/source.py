"""The bytes of pickles, one after another, and the sentence that refuses them."""

from __future__ import annotations

from typing import BinaryIO

PICKLE_LIMIT = 16 << 20  # bytes; the pickle of a BERT of 24 layers has 79 080
WORD_LIMIT = 256  # bytes of a name


class Refused(Exception):
    """A sentence about why a pickle is not read."""


class Source:
    """A stretch of a file, taken from its begin to its end.

    Attributes:
        place: How many bytes were taken.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size, self.place = file, size, 0

    @property
    def left(self) -> int:
        """How many bytes were not taken."""
        return self._size - self.place

    def take(self, count: int) -> bytes:
        """The next bytes.

        Raises:
            Refused: There are fewer, or more were taken than any pickle of weights has.
        """
        self._advance(count)
        taken = self._file.read(count)
        if len(taken) != count:
            raise Refused("the pickle is cut short")
        return taken

    def number(self, size: int) -> int:
        """The next bytes as a whole number that is not negative, little-endian."""
        return int.from_bytes(self.take(size), "little")

    def text(self, size: int) -> str:
        """The next bytes as text."""
        return _decoded(self.take(size))

    def line(self) -> str:
        """The text up to the next line feed."""
        taken = self._file.readline(WORD_LIMIT + 1)
        self._advance(len(taken))
        if not taken.endswith(b"\n"):
            raise Refused("the pickle is cut short, or a name in it is too long")
        return _decoded(taken[:-1])

    def _advance(self, count: int) -> None:
        if count > self.left:
            raise Refused("the pickle is cut short")
        self.place += count
        if self.place > PICKLE_LIMIT:
            raise Refused(f"the pickle has more than the {PICKLE_LIMIT} bytes that are read")


def shown(text: str) -> str:
    """A text from a file without what could move the cursor."""
    return text[:WORD_LIMIT].encode("unicode_escape").decode("ascii")


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("a text in the pickle is not UTF-8") from None
