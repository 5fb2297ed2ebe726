"""Sentences from MSRA's XML: characters, with elements such as NAMEX around names, whose TYPE says what they are."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, Locator

from defusedxml import DefusedXmlException
from defusedxml.sax import make_parser

from bert_core import DataError, lines

from .sentence import Corpus, Sentence, Span, from_text

LIMIT = lines.LIMIT
"""Bytes of the longest tag or comment."""

LONGEST = 1 << 18
"""Characters of the longest sentence."""

DEPTH = 32
_NAMES = 20  # of elements, to be listed
ANNOTATING = ("NAMEX", "TIMEX", "NUMEX")
FORM = '<root><sentence><w>在</w><w><NAMEX TYPE="LOCATION">北京</NAMEX></w></sentence></root>'
_HINT = f"A file is {FORM}."

_DECLARED = re.compile(rb"(\A\s*<\?xml[^>]*?)\s+encoding\s*=\s*(?:\"[^\">]*\"|'[^'>]*')")
_LAYOUT = re.compile(r"\s*\n\s*")


def parse_msra(path: Path, elements: Collection[str] = ()) -> Corpus:
    """The sentences of a file; each character that is not white space is a unit.

    Each child of the root is a sentence, and its text is all text in it, whatever elements are around and after it;
    white space with a line end is layout and left out. An element with a TYPE, at any depth, is a span; of spans in
    one another the outermost is kept, as a tagger has one label for a character.

    Args:
        path: The file.
        elements: The names of the elements that count, such as `NAMEX`; the text of others is kept and not annotated.
            Empty: all that have a TYPE.

    Raises:
        DataError: As `read_msra`.
    """
    sentences: list[Sentence] = []
    inner: list[str] = []
    for sentence, left_out in read_msra(path, elements):
        sentences.append(sentence)
        inner += left_out
    notes: list[str] = []
    if inner:
        counted = (
            "1 span lies in a longer one and was"
            if len(inner) == 1
            else f"{len(inner):,} spans lie in longer ones and were"
        )
        notes.append(f"{counted} left out; {inner[0]}")
    return Corpus(tuple(sentences), tuple(notes))


def read_msra(path: Path, elements: Collection[str] = ()) -> Iterator[tuple[Sentence, tuple[str, ...]]]:
    """The sentences of a file one at a time, each with what was left out of it, as sentences for a note.

    Args:
        path: The file.
        elements: As in `parse_msra`.

    Raises:
        DataError: With the line. Entities and references to other files are refused. None of the chosen elements is
            in the file.
    """
    handler = _Handler(path, frozenset(elements))
    parser = make_parser()
    parser.setContentHandler(handler)
    handler.setDocumentLocator(parser)  # which only `parse` does by itself
    number, held, line = 0, 0, 1
    for line, _, content in lines.pieces(path):
        if not number and not handler.depth:  # what is UTF-8 here may have been converted, and its first line not
            content = _DECLARED.sub(rb"\1", content, count=1)
        _feed(parser, content, path, line)
        number += len(handler.done)
        yield from handler.done
        held = 0 if handler.moved else held + len(content)
        handler.done, handler.moved = [], False
        if held > LIMIT:
            raise DataError.at(path, line, f"a tag or a comment has more than {LIMIT:,} bytes", hint=_HINT)
    _feed(parser, b"", path, line)
    if not number:
        raise DataError("the file has no sentence", where=path, hint=_HINT)
    if elements and not handler.marking & set(elements):
        what = f"the file has no element {' or '.join(sorted(elements))} with a TYPE"
        found = f"It has {', '.join(sorted(handler.marking))}." if handler.marking else None
        raise DataError(what, where=path, hint=found)


def _feed(parser: Any, content: bytes, path: Path, line: int) -> None:
    try:
        parser.feed(content) if content else parser.close()
    except SAXParseException as error:
        what = f"the file is not XML: {error.getMessage()}" if content else "the file ends inside its XML"
        raise DataError.at(
            path, error.getLineNumber() or line, what, hint=_HINT if content else "It was cut off."
        ) from None
    except DefusedXmlException:
        what = "the file declares an entity or refers to another file, which is not followed"
        raise DataError.at(path, parser.getLineNumber(), what, hint="Write the characters themselves.") from None


class _Found(NamedTuple):
    span: Span
    line: int


@dataclass
class _Element:
    """An open element inside a sentence."""

    name: str
    type: str | None
    start: int
    line: int


class _Handler(ContentHandler):
    """Puts each sentence into `done` when its element ends.

    `moved` says that something has begun, ended or gone on; `marking` are the names of elements with a TYPE.
    """

    def __init__(self, path: Path, elements: frozenset[str]) -> None:
        super().__init__()
        self.done: list[tuple[Sentence, tuple[str, ...]]] = []
        self.moved = False
        self.depth = 0
        self.marking: set[str] = set()
        self._path, self._elements = path, elements
        self._open: list[_Element] = []
        self._text: list[str] = []
        self._length = self._units = self._line = 0
        self._found: list[_Found] = []
        self._locator: Locator | None = None

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802
        self._locator = locator

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802
        self.moved = True
        self.depth += 1
        if self.depth > DEPTH:
            raise self._error(f"the elements nest deeper than {DEPTH} levels")
        if self.depth == 2:
            self._text, self._found, self._line = [], [], self._number()
            self._length = self._units = 0
        elif self.depth > 2:
            self._open.append(_Element(name, self._type(name, attrs), self._units, self._number()))

    def _type(self, name: str, attrs: AttributesImpl) -> str | None:
        type_ = next((value for key, value in attrs.items() if key.upper() == "TYPE"), None)
        if type_ is not None and (name in self._elements or len(self.marking) < _NAMES):
            self.marking.add(name)
        if self._elements and name not in self._elements:
            return None
        if type_ is None and (name in self._elements or name.upper() in ANNOTATING):
            raise self._error(f"the element {name} has no TYPE")
        if type_ is not None and not type_.strip():
            raise self._error(f"the TYPE of the element {name} is empty")
        return type_ and type_.strip()

    def characters(self, content: str) -> None:
        self.moved = True
        if self.depth < 2:
            if content.strip():
                raise self._error("there is text in no sentence")
            return
        self._length += len(content)
        if self._length > LONGEST:
            raise self._error(f"the sentence has more than {LONGEST:,} characters")
        self._text.append(content)
        self._units += len("".join(content.split()))

    def endElement(self, name: str) -> None:  # noqa: N802
        self.moved = True
        self.depth -= 1
        if self.depth >= 2:
            self._close(self._open.pop())
        elif self.depth == 1:
            self.done.append(self._sentence())

    def _close(self, element: _Element) -> None:
        if element.type is None:
            return
        if element.start == self._units:
            raise self._error(f"the element {element.name} of type {element.type!r} has no text")
        self._found.append(_Found(Span(element.type, element.start, self._units), element.line))

    def _sentence(self) -> tuple[Sentence, tuple[str, ...]]:
        text = _LAYOUT.sub("", "".join(self._text)).strip()
        sentence = replace(from_text(text, "character"), line=self._line)
        if not sentence.units:
            raise DataError.at(self._path, self._line, "the sentence is empty", hint="Remove it.")
        kept: list[Span] = []
        left_out: list[str] = []
        for span, line in reversed(self._found):  # an element ends after those in it
            if kept and span.start >= kept[-1].start:
                outer = kept[-1]
                left_out.append(
                    f"line {line}: {span.type} {sentence.mention(span)!r} in {outer.type} {sentence.mention(outer)!r}"
                )
            else:
                kept.append(span)
        return replace(sentence, spans=tuple(reversed(kept))), tuple(reversed(left_out))

    def _number(self) -> int:
        return (self._locator.getLineNumber() if self._locator else None) or 1

    def _error(self, what: str) -> DataError:
        return DataError.at(self._path, self._number(), what, hint=_HINT)
