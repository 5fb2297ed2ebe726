"""A vocabulary file: one piece a line, whose number is its id."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bert_core.errors import CheckpointError

_REQUIRED = ("[UNK]", "[CLS]", "[SEP]")
_CASED = re.compile(r"[A-Z]")


@dataclass(frozen=True)
class Vocabulary:
    """The pieces in the order of their ids.

    Args:
        pieces: One for each id.
        content: The bytes of `vocab.txt`.
        source: Where it was read, for messages.
    """

    pieces: tuple[str, ...]
    content: bytes
    source: Path

    @classmethod
    def read(cls, path: Path) -> Vocabulary:
        """A `vocab.txt`; line ends may be Windows'.

        Raises:
            CheckpointError: It is missing, not UTF-8, says a piece twice or lacks a special piece.
        """
        try:
            content = path.read_bytes()
            text = content.decode("utf-8")
        except OSError as error:
            hint = "Give the vocab.txt that belongs to the weights"
            raise CheckpointError(f"cannot read the vocabulary: {error.strerror}", where=path, hint=hint) from error
        except UnicodeDecodeError as error:
            what = f"the vocabulary is not UTF-8 (byte {error.start} is 0x{error.object[error.start]:02x})"
            raise CheckpointError(what, where=path) from error
        # Not splitlines(): bert-base-chinese has U+2028, a line separator, as a piece.
        pieces = tuple(line.removesuffix("\r") for line in text.removesuffix("\n").split("\n"))
        return cls._checked(pieces, content, path)

    @classmethod
    def of_ids(cls, ids: Mapping[str, int], source: Path) -> Vocabulary:
        """A vocabulary that a `tokenizer.json` gives as piece to id.

        Raises:
            CheckpointError: The ids are not 0, 1, 2, ... or a special piece is missing.
        """
        pieces = tuple(sorted(ids, key=lambda piece: ids[piece]))
        if [ids[piece] for piece in pieces] != list(range(len(pieces))):
            raise CheckpointError("the ids of its vocabulary are not 0, 1, 2, ... without a gap", where=source)
        return cls._checked(pieces, _lines(pieces), source)

    @classmethod
    def _checked(cls, pieces: tuple[str, ...], content: bytes, source: Path) -> Vocabulary:
        vocabulary = cls(pieces, content, source)
        missing = [piece for piece in _REQUIRED if piece not in vocabulary.ids]
        if missing:
            what = f"the vocabulary of {len(pieces)} pieces has no {' and no '.join(missing)}"
            raise CheckpointError(what, where=source, hint="Is it the vocab.txt of a BERT?")
        if len(vocabulary.ids) != len(pieces):
            vocabulary._refuse_duplicates()
        return vocabulary

    def _refuse_duplicates(self) -> None:
        first: dict[str, int] = {}
        for line, piece in enumerate(self.pieces, start=1):
            if piece in first:
                what = f"the piece {piece!r} stands on line {first[piece]} and again on line {line}"
                raise CheckpointError(what, where=self.source, hint="Each piece has one id: remove the mistaken line")
            first[piece] = line

    @cached_property
    def ids(self) -> dict[str, int]:
        """The id of each piece."""
        return {piece: number for number, piece in enumerate(self.pieces)}

    @cached_property
    def sha256(self) -> str:
        """The digest of the pieces, one a line: `sha256sum vocab.txt` where its line ends are Unix's."""
        return hashlib.sha256(_lines(self.pieces)).hexdigest()

    @cached_property
    def looks_lowercase(self) -> bool:
        """Whether hardly a piece has an upper-case letter; lower-case ones of Google's have up to three."""
        cased = sum(1 for piece in self.pieces if _CASED.search(piece) and not piece.startswith("["))
        return cased * 100 < len(self.pieces)


def _lines(pieces: tuple[str, ...]) -> bytes:
    return "".join(piece + "\n" for piece in pieces).encode("utf-8")
