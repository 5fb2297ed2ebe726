"""What WikiExtractor writes: `<doc ...>` blocks, or with `--json` an article a line."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from bert_core import DataError

from .document import Document, cut

_TITLE = re.compile(r'title="(.*)">$')
_JSON = 'A line is {"id": "...", "url": "...", "title": "...", "text": "..."}'
_BLOCKS = 'An article is a line <doc id="..." url="..." title="...">, its text, and a line </doc>'


def block_documents(lines: Iterable[tuple[int, str]], path: Path) -> Iterator[Document]:
    """The articles of `<doc>` blocks, without the line that repeats the title.

    Raises:
        DataError: Text stands outside of a block, or a block does not end.
    """
    numbered = iter(lines)
    for number, line in numbered:
        if line.startswith("<doc "):
            found = _TITLE.search(line)
            title = html.unescape(found[1]) if found else ""
            yield from cut(str(path), "paragraphs", _untitled(_inside(numbered, path, number), title))
        elif line:
            raise DataError.at(path, number, "there is text outside of a <doc> block", hint=_BLOCKS)


def json_documents(lines: Iterable[tuple[int, str]], path: Path) -> Iterator[Document]:
    """The articles of JSON lines, without the line that repeats the title.

    Raises:
        DataError: A line is no JSON object with a "text", or its text has half a character.
    """
    for number, line in lines:
        if line:
            text, title = _article(line, path, number)
            paragraphs = ((number, html.unescape(paragraph.strip())) for paragraph in text.split("\n"))
            yield from cut(str(path), "paragraphs", _untitled(paragraphs, title))


def _inside(lines: Iterator[tuple[int, str]], path: Path, opened: int) -> Iterator[tuple[int, str]]:
    for number, line in lines:
        if line == "</doc>":
            return
        if line.startswith("<doc "):
            what = f"a <doc> begins before that of line {opened} ends"
            raise DataError.at(path, number, what, hint=_BLOCKS)
        yield number, html.unescape(line)
    raise DataError.at(path, opened, "the file ends inside this <doc>", hint="Was it cut off?")


def _untitled(paragraphs: Iterable[tuple[int, str]], title: str) -> Iterator[tuple[int, str]]:
    """What has text; the first of it is the title, which is no sentence."""
    first = True
    for number, paragraph in paragraphs:
        if paragraph:
            if not (first and paragraph == title):
                yield number, paragraph
            first = False


def _article(line: str, path: Path, number: int) -> tuple[str, str]:
    try:
        article = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = (
            error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deep or a number is too long"
        )
        raise DataError.at(path, number, f"the line is not JSON: {reason}", hint=_JSON) from None
    text = article.get("text") if isinstance(article, dict) else None
    if not isinstance(text, str):
        raise DataError.at(path, number, 'the line is no JSON object with a string "text"', hint=_JSON)
    _check_characters(text, path, number)
    title = article.get("title")
    return text, title if isinstance(title, str) else ""


def _check_characters(text: str, path: Path, number: int) -> None:
    if "\0" in text:
        raise DataError.at(path, number, "the text has a NUL character")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        what = f"character {error.start + 1} of the text is half a character (\\u{ord(text[error.start]):04x})"
        raise DataError.at(path, number, what, hint="Write the file in UTF-8 again, from its source") from None
