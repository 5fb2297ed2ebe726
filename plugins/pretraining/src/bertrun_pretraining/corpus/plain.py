"""Plain text: one sentence (or paragraph) a line, a blank line between documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from .document import Document, cut


def plain_documents(lines: Iterable[tuple[int, str]], path: Path) -> Iterator[Document]:
    """The documents of numbered lines, as Google's `create_pretraining_data.py` takes them."""
    for blank, run in groupby(lines, key=lambda numbered: not numbered[1]):
        if not blank:
            yield from cut(str(path), "lines", run)
