"""A sentence as the tagger sees it: its text, the units that get one label each, and the spans over them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise, repeat
from operator import add
from typing import Literal

Unit = Literal["word", "character"]

_SHORT = 1024
_PAIRS = 1 << 16


@dataclass(frozen=True, order=True, slots=True)
class Span:
    """A named stretch of units.

    Args:
        type: What it names, such as `PER`.
        start: Its first unit.
        end: The unit after its last one.
    """

    type: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text, cut into the units that are labelled.

    Args:
        text: The whole text, blanks included.
        units: For each unit its characters [start, end) in the text.
        spans: The annotation, or None where there is none.
        tags: The tags as the file spells them, where it has tags.
        line: Where it begins in its file, from 1, or the number of its record; 0 where it comes from no file.
        pieces: The piece ids of each unit, where it comes from records, which hold no text.
    """

    text: str
    units: tuple[tuple[int, int], ...]
    spans: tuple[Span, ...] | None = None
    tags: tuple[str, ...] | None = None
    line: int = 0
    pieces: tuple[tuple[int, ...], ...] | None = None

    def surface(self, unit: int) -> str:
        """The characters of one unit."""
        start, end = self.units[unit]
        return self.text[start:end]

    def words(self) -> tuple[str, ...]:
        """The characters of every unit."""
        return tuple(self.text[start:end] for start, end in self.units)

    def characters(self, span: Span) -> tuple[int, int]:
        """The characters [start, end) of a span, with the blanks between its units."""
        return self.units[span.start][0], self.units[span.end - 1][1]

    def mention(self, span: Span) -> str:
        """The text of a span, with the blanks between its units."""
        start, end = self.characters(span)
        return self.text[start:end]


@dataclass(frozen=True)
class Corpus:
    """What was read from a file.

    Args:
        sentences: In the order of the file.
        notes: One sentence for each thing that was decided or put right while reading.
    """

    sentences: tuple[Sentence, ...]
    notes: tuple[str, ...] = ()


def from_words(
    words: Sequence[str],
    *,
    glued: Sequence[bool] | None = None,
    spans: tuple[Span, ...] | None = None,
    tags: tuple[str, ...] | None = None,
    line: int = 0,
) -> Sentence:
    """A sentence from words that were cut apart already; each is one unit.

    Between two words goes a blank, unless the characters that meet are both Chinese or Japanese.

    Args:
        words: The words, none empty.
        glued: For each word whether it is known to follow the one before without a blank.
        spans: The annotation in units.
        tags: The tags as read.
        line: Where the sentence begins in its file.
    """
    text = " ".join(words)
    if glued is None and not _WITHOUT_BLANKS.search(text):
        lengths = list(map(len, words))
        starts = list(accumulate(map(add, lengths, repeat(1)), initial=0))
        return Sentence(
            text, tuple(map(_shared, zip(starts, map(add, starts, lengths), strict=False))), spans, tags, line
        )
    return _spaced(words, glued or [False] * len(words), spans, tags, line)


def _spaced(
    words: Sequence[str],
    glued: Sequence[bool],
    spans: tuple[Span, ...] | None,
    tags: tuple[str, ...] | None,
    line: int,
) -> Sentence:
    text = ""
    units: list[tuple[int, int]] = []
    for word, joined in zip(words, glued, strict=True):
        if text and not joined and not (_written_without_blanks(text[-1]) and _written_without_blanks(word[0])):
            text += " "
        units.append(_shared((len(text), len(text) + len(word))))
        text += word
    return Sentence(text, tuple(units), spans, tags, line)


class _Shared(dict[tuple[int, int], tuple[int, int]]):
    """Places of units as pairs that sentences share, since a corpus is mostly such pairs."""

    def __missing__(self, pair: tuple[int, int]) -> tuple[int, int]:
        if len(self) < _PAIRS:
            self[pair] = pair
        return pair


_shared = _Shared().__getitem__


def from_text(text: str, unit: Unit) -> Sentence:
    """A sentence from running text; every character that is not white space belongs to exactly one unit.

    As `character`, each such character is a unit. As `word`, these are: each Chinese ideograph; each run
    of letters and digits, held together by single `'`, `’`, `-`, `.` and `&` inside (`don't`, `AT&T`,
    `U.S`), but without a final `'s`, which is a unit of its own as in English treebanks, so that a name
    never takes it in; each other character. Combining marks stay with what they follow.

    Args:
        text: Any text, also an empty one.
        unit: What a unit is.
    """
    if unit == "character":
        units = _characters(text)
    else:
        units = tuple(found.span() for found in _WORD.finditer("".join(map(_kind, text))))
    return Sentence(text, units)


def _characters(text: str) -> tuple[tuple[int, int], ...]:
    if text.split() == [text]:
        return _short()[: len(text)] if len(text) <= _SHORT else tuple(pairwise(range(len(text) + 1)))
    return tuple([_shared((index, index + 1)) for index, character in enumerate(text) if not character.isspace()])


@lru_cache(maxsize=1)
def _short() -> tuple[tuple[int, int], ...]:
    """Of a text without white space, which one of another length begins with."""
    return tuple(map(_shared, pairwise(range(_SHORT + 1))))


# Python's `re` knows no Unicode classes, so words are looked for in a string of the characters' kinds:
# c ideograph, a letter or digit, s the letter s, m mark, ' apostrophe, - other joiner, ? other, blank.
_WORD = re.compile(
    r"(?<=[asm])'sm*(?![asm])"
    r"|[as][asm]*(?:(?!'sm*(?![asm]))['-][as][asm]*)*"
    r"|[^ ]m*"
)

_JOINED_EMOJI = "\u200d"

# The blocks that Google's BERT takes for Chinese characters, and the extensions added to Unicode since.
_IDEOGRAPHS = (
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2FA1F), (0x30000, 0x323AF),
)  # fmt: skip

# Punctuation, kana and full-width forms, which are written without blanks too.
_OTHER_WITHOUT_BLANKS = ((0x3001, 0x30FF), (0x31F0, 0x31FF), (0xFF01, 0xFFEF))
_PUNCTUATION_WITHOUT_BLANKS = frozenset("“”‘’…—·")

_WITHOUT_BLANKS = re.compile(
    f"[{''.join(sorted(_PUNCTUATION_WITHOUT_BLANKS))}"
    f"{''.join(f'{chr(first)}-{chr(last)}' for first, last in _IDEOGRAPHS + _OTHER_WITHOUT_BLANKS)}]"
)


def _within(character: str, blocks: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= ord(character) <= last for first, last in blocks)


@lru_cache(maxsize=4096)
def _written_without_blanks(character: str) -> bool:
    return character in _PUNCTUATION_WITHOUT_BLANKS or _within(character, _IDEOGRAPHS + _OTHER_WITHOUT_BLANKS)


@lru_cache(maxsize=4096)
def _kind(character: str) -> str:
    if character.isspace():
        return " "
    if _within(character, _IDEOGRAPHS):
        return "c"
    if character.isalnum():
        return "s" if character in "sS" else "a"
    if character == _JOINED_EMOJI or unicodedata.category(character).startswith("M"):
        return "m"
    if character in "'’":
        return "'"
    return "-" if character in "-.&" else "?"
