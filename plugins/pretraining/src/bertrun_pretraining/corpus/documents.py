"""The documents of files, folders and patterns, whatever of the known forms each file has."""

from __future__ import annotations

import bz2
import glob
import gzip
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from bert_core import DataError

from .document import Document
from .dump import dump_documents
from .extracted import block_documents, json_documents
from .lines import decoded
from .plain import plain_documents

__all__ = ["Document", "documents", "files_of"]

_HEAD = 4096
_JSON = re.compile(rb'\{\s*"(id|revid|url|title|text)"\s*:')
_XML = re.compile(rb"<\?xml|<!DOCTYPE|<mediawiki")


def files_of(sources: Sequence[str]) -> list[Path]:
    """The files that are meant, in a fixed order: a folder's are sorted by path, hidden ones left out.

    Args:
        sources: Files, folders, and patterns such as `text/*.txt`.

    Raises:
        DataError: There is no such file, or none in the folder.
    """
    found: list[Path] = []
    for source in sources:
        path = Path(source)
        if path.is_dir():
            files = sorted(inner for inner in path.rglob("*") if inner.is_file() and not _is_hidden(inner, path))
        elif path.exists():
            files = [path]
        else:
            files = sorted(Path(match) for match in glob.glob(source, recursive=True) if Path(match).is_file())
        if not files:
            raise DataError("there is no file in this folder" if path.is_dir() else "there is no such file", where=path)
        found += files
    return found


def documents(path: Path) -> Iterator[Document]:
    """The documents of one file: plain text, WikiExtractor's output or a MediaWiki dump, known by its content.

    A file may be compressed with bzip2 or gzip. It is read as a stream.

    Raises:
        DataError: It cannot be read, is empty, or is damaged; with the line.
    """
    with _opened(path) as stream:
        head = _head(stream, path)
        if _XML.match(head):
            yield from dump_documents(stream, path)
        elif head.startswith(b"<doc "):
            yield from block_documents(decoded(stream, path), path)
        elif _JSON.match(head):
            yield from json_documents(decoded(stream, path), path)
        else:
            yield from plain_documents(decoded(stream, path), path)


def _is_hidden(path: Path, root: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.relative_to(root).parts)


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedReader]:
    try:
        raw = path.open("rb")
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror}", where=path) from None
    with raw:
        magic = raw.peek(3)[:3]
        if magic == b"BZh":
            with bz2.BZ2File(raw) as unpacked:
                yield io.BufferedReader(cast(io.RawIOBase, unpacked))
        elif magic[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=cast(BinaryIO, raw)) as unzipped:
                yield io.BufferedReader(cast(io.RawIOBase, unzipped))
        else:
            yield raw


def _head(stream: io.BufferedReader, path: Path) -> bytes:
    try:
        head = stream.peek(_HEAD)[:_HEAD]
    except (EOFError, OSError) as error:
        raise DataError(f"the file cannot be read: {str(error).rstrip('.')}", where=path) from None
    if not head:
        raise DataError("the file is empty", where=path)
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()
