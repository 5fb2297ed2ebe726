"""Documents to sentences: as their lines are, or split with `sentencex`, Wikimedia's splitter of many languages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bertrun_pretraining.options import AUTO, SentenceRule

from .document import Document
from .wikitext import paragraphs

_IDEOGRAPH = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_LATIN = re.compile("[A-Za-z]")
_WORD = re.compile(r"\w")


def sentences(document: Document, rule: SentenceRule = "auto", language: str = AUTO) -> Iterator[str]:
    """The sentences of a document, none empty.

    Args:
        document: What was read.
        rule: Whether a line is a sentence.
        language: The code of the language whose abbreviations and stops hold, such as `en` or `zh`; `auto` takes `zh`
            for paragraphs with more ideographs than Latin letters, and `en` else.
    """
    lines = paragraphs(document.text) if document.form == "wikitext" else document.text.split("\n")
    for line in lines:
        if rule == "line" or (rule == "auto" and document.form == "lines"):
            if line.strip():
                yield line.strip()
        else:
            yield from split(line, language)


def split(paragraph: str, language: str = AUTO) -> Iterator[str]:
    """The sentences of a paragraph; what has no letter or digit, such as a last bracket, joins the one before."""
    import sentencex

    kept = ""
    for sentence in sentencex.segment(_language(paragraph) if language == AUTO else language, paragraph):
        if kept and _WORD.search(kept) and _WORD.search(sentence):
            yield kept.strip()
            kept = sentence
        else:
            kept += sentence
    if kept.strip():
        yield kept.strip()


def _language(paragraph: str) -> str:
    return "zh" if len(_IDEOGRAPH.findall(paragraph)) > len(_LATIN.findall(paragraph)) else "en"
