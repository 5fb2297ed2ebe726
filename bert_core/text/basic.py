"""The first half of BERT's tokenization: from text to words, each character with its place in the text.

The rules are those of `BasicTokenizer` in google-research/bert (`tokenization.py`): control characters go,
ideographs stand alone, lower-casing also strips accents, every punctuation mark is a word. Character
properties are Python's own `unicodedata`, as there; those of the `tokenizers` library differ (older tables,
private-use characters removed, no final sigma), which is why only its WordPiece model is used.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

# Control characters are not here although `str.split` would split at some: they are removed, not split at.
_SPACES = r"\t\n\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
# The blocks that Google's code lists; Hangul and kana are not among them.
_IDEOGRAPHS = (
    r"\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0002a6df\U0002a700-\U0002b73f"
    r"\U0002b740-\U0002b81f\U0002b820-\U0002ceaf\uf900-\ufaff\U0002f800-\U0002fa1f"
)
_CHUNK = re.compile(f"[{_IDEOGRAPHS}]|[^{_SPACES}{_IDEOGRAPHS}]+")


class Letter(NamedTuple):
    """A character of a word and the characters [start, end) of the text that it came from."""

    char: str
    start: int
    end: int


def chunks(text: str) -> Iterator[tuple[int, str]]:
    """Stretches that can be tokenized apart from each other, each with its place in the text."""
    return ((found.start(), found.group()) for found in _CHUNK.finditer(text))


def words(chunk: str, *, lowercase: bool, strip_accents: bool) -> list[list[Letter]]:
    """The words of one chunk, with places inside the chunk.

    Args:
        chunk: What `chunks` gave.
        lowercase: Whether the vocabulary is lower-case.
        strip_accents: Whether nonspacing marks go; Google's code does so where it lower-cases.
    """
    letters = [Letter(char, place, place + 1) for place, char in enumerate(chunk) if not _is_removed(char)]
    if lowercase:
        letters = _lowered(letters)
    if strip_accents:
        letters = _without_accents(letters)
    return _split_at_punctuation(letters)


def _is_removed(char: str) -> bool:
    return char == "\ufffd" or unicodedata.category(char) in ("Cc", "Cf")


def _is_punctuation(char: str) -> bool:
    """ASCII signs such as `$` and `^` count too, though Unicode does not call them punctuation."""
    if char.isascii():
        return "!" <= char <= "~" and not char.isalnum()
    return unicodedata.category(char).startswith("P")


def _lowered(letters: list[Letter]) -> list[Letter]:
    """As `str.lower` of the whole: a final sigma depends on its neighbours, a length never does."""
    whole = iter("".join(letter.char for letter in letters).lower())
    return [Letter(next(whole), letter.start, letter.end) for letter in letters for _ in letter.char.lower()]


def _without_accents(letters: list[Letter]) -> list[Letter]:
    """NFD without nonspacing marks; the mark's place joins that of the letter before it."""
    kept: list[Letter] = []
    for letter in _decomposed(letters):
        if unicodedata.category(letter.char) != "Mn":
            kept.append(letter)
        elif kept:
            kept[-1] = kept[-1]._replace(end=max(kept[-1].end, letter.end))
    return kept


def _decomposed(wholes: Iterable[Letter]) -> Iterator[Letter]:
    """NFD: each character's own decomposition, then every run of marks in the order of their classes."""
    parts = (Letter(char, start, end) for whole, start, end in wholes for char in unicodedata.normalize("NFD", whole))
    for is_mark, run in groupby(parts, key=lambda letter: unicodedata.combining(letter.char) > 0):
        letters = list(run)
        yield from sorted(letters, key=lambda letter: unicodedata.combining(letter.char)) if is_mark else letters


def _split_at_punctuation(letters: Iterable[Letter]) -> list[list[Letter]]:
    split: list[list[Letter]] = []
    inside = False
    for letter in letters:
        punctuation = _is_punctuation(letter.char)
        if inside and not punctuation:
            split[-1].append(letter)
        else:
            split.append([letter])
        inside = not punctuation
    return split
