"""A MediaWiki XML dump, read as a stream: the pages that are articles, their markup untouched.

The XML goes through `defusedxml`: declared entities and external ones are refused. No tree is built, so what a file
holds beside its pages takes no memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler

from bert_core import DataError

from .document import Document
from .lines import read_some

_CHUNK = 1 << 16
# Bytes. MediaWiki's own limit of a page is 2 MiB.
_LONGEST_PAGE = 16 << 20
# "#REDIRECT [[Other]]", in any language: old dumps have no <redirect> beside it.
_REDIRECT = re.compile(r"\s*#\w+\s*:?\s*\[\[")
_FIELDS = {"title", "ns", "model", "text"}


def dump_documents(stream: BinaryIO, path: Path) -> Iterator[Document]:
    """The last revision of each article: pages of namespace 0 that are no redirects and hold wikitext.

    Raises:
        DataError: The XML is damaged, declares entities, or a page is longer than 16 MiB.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.sax import make_parser

    parser = make_parser()
    pages = _Pages(path)
    parser.setContentHandler(pages)
    pages.setDocumentLocator(parser)  # which `feed`, unlike `parse`, does not do
    try:
        while chunk := read_some(stream, path, pages.line(), size=_CHUNK):
            parser.feed(chunk)
            pages.check_quiet(len(chunk))
            yield from pages.take()
        parser.close()
    except SAXParseException as error:
        what = f"the XML is damaged: {error.getMessage()}"
        raise DataError.at(path, error.getLineNumber() or pages.line(), what, hint="Was the file cut off?") from None
    except DefusedXmlException:
        what = "the XML declares entities, which are not read"
        raise DataError.at(path, pages.line(), what, hint="A dump of MediaWiki declares none") from None
    yield from pages.take()


class _Pages(ContentHandler):
    """Collects the pages that end; what else there is goes by."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._locator: Any = None
        self._ready: list[Document] = []
        self._fields: dict[str, str] = {}
        self._parts: list[str] | None = None
        self._page_line = 0
        self._redirects = False
        self._depth = 0
        self._size = 0
        self._quiet = 0

    def take(self) -> list[Document]:
        ready, self._ready = self._ready, []
        return ready

    def line(self) -> int:
        return 1 if self._locator is None else int(self._locator.getLineNumber())

    def check_quiet(self, size: int) -> None:
        """A tag without an end is kept by the parser until it fills the memory."""
        self._quiet += size
        if self._quiet > _LONGEST_PAGE:
            raise DataError.at(self._path, self.line(), f"a tag is longer than {_LONGEST_PAGE >> 20} MiB")

    def setDocumentLocator(self, locator: Any) -> None:  # noqa: N802 (SAX's name)
        self._locator = locator

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802
        self._quiet = 0
        self._depth += 1
        if self._depth == 1 and name != "mediawiki":
            what = f"the outermost element is <{name}>, not <mediawiki>"
            raise DataError.at(self._path, self.line(), what, hint="Only MediaWiki's dumps are read as XML")
        if name == "page":
            self._fields, self._redirects, self._size, self._page_line = {}, False, 0, self.line()
        elif name == "redirect":
            self._redirects = True
        elif name in _FIELDS:
            self._parts = []

    def characters(self, content: str) -> None:
        self._quiet = 0
        if self._parts is None:
            return
        self._size += len(content)
        if self._size > _LONGEST_PAGE:
            what = f"the page {self._fields.get('title', '')[:80]!r} is longer than {_LONGEST_PAGE >> 20} MiB"
            raise DataError.at(self._path, self._page_line, what)
        self._parts.append(content)

    def endElement(self, name: str) -> None:  # noqa: N802
        self._quiet = 0
        self._depth -= 1
        if name in _FIELDS and self._parts is not None:
            self._fields[name] = "".join(self._parts)
            self._parts = None
        elif name == "revision":
            self._size = 0  # of a full history only the last one is kept
        elif name == "page":
            self._end_page()

    def _end_page(self) -> None:
        fields, self._fields = self._fields, {}
        text = fields.get("text", "")
        article = fields.get("ns", "0").strip() == "0" and fields.get("model", "wikitext").strip() == "wikitext"
        if article and text.strip() and not self._redirects and not _REDIRECT.match(text):
            self._ready.append(Document(str(self._path), self._page_line, "wikitext", text))
