"""From MediaWiki's markup to paragraphs, through `mwparserfromhell`.

Templates, tables, references, formulas and galleries go, with links to files and categories; the text of other links
stays, and so does that of lists. Templates are not expanded: what only they say is lost, as in WikiExtractor's default.
"""

from __future__ import annotations

import re
from contextlib import suppress

_GONE = {
    "ref",
    "references",
    "table",
    "gallery",
    "math",
    "timeline",
    "score",
    "syntaxhighlight",
    "source",
    "pre",
    "code",
}
_HEADING = re.compile(r"^=+[^\n]*=+[ \t]*$", re.MULTILINE)
# A space behind the colon is of a title, as in "Star Trek: Voyager", but where the word is one of these.
_NAMESPACED = re.compile(r"\s*:?\s*(?:(?:file|image|category)\s*:|[^\W\d_][\w -]*:(?=\S))", re.IGNORECASE)
_EMPTY_BRACKETS = re.compile(r"[（(][\s,;，；:：]*[)）]")
_SPACES = re.compile(r"[ \t\u00a0]+")
_HAS_LETTER = re.compile(r"[^\W\d_]")


def paragraphs(markup: str) -> list[str]:
    """The paragraphs of an article; headings, which are no sentences, and lines without a letter are left out."""
    import mwparserfromhell

    code = mwparserfromhell.parse(_HEADING.sub("\n", markup), skip_style_tags=False)
    for tag in code.filter_tags(matches=lambda tag: str(tag.tag).strip().lower() in _GONE):
        _remove(code, tag)
    for link in code.filter_wikilinks(matches=lambda link: _NAMESPACED.match(str(link.title)) is not None):
        _remove(code, link)
    text = code.strip_code(normalize=True, collapse=True)
    return [line for line in map(_clean, text.split("\n")) if _HAS_LETTER.search(line)]


def _remove(code: object, node: object) -> None:
    with suppress(ValueError):  # it stood in one that is gone
        code.remove(node)  # type: ignore[attr-defined]


def _clean(line: str) -> str:
    return _SPACES.sub(" ", _EMPTY_BRACKETS.sub("", line)).lstrip("*#:; ").strip()
