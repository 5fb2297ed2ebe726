"""A corpus cut into blocks of documents, the same ones whoever makes them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from .corpus import Document, documents


class Block(NamedTuple):
    """Consecutive documents; one block becomes one shard.

    Args:
        number: From 0, over the whole corpus.
        documents: In the order in which they were read.
    """

    number: int
    documents: list[Document]

    def digest(self) -> str:
        """The SHA-256 of the text, whatever its files are called."""
        digest = hashlib.sha256()
        for document in self.documents:
            digest.update(f"{document.form} {len(document.text)}\n".encode())
            digest.update(document.text.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


def blocks(files: Iterable[Path], size: int) -> Iterator[Block]:
    """The corpus in blocks of `size` characters or a little more; the last has from half to one and a half of that.

    Raises:
        DataError: As `documents`.
    """
    number = 0
    full: list[Document] = []  # a whole block that may yet be joined with the last one
    kept: list[Document] = []
    count = 0
    for document in (document for file in files for document in documents(file)):
        kept.append(document)
        count += len(document.text)
        if full and 2 * count >= size:
            yield Block(number, full)
            number, full = number + 1, []
        if count >= size:
            full, kept, count = kept, [], 0
    if full or kept:
        yield Block(number, full + kept)
