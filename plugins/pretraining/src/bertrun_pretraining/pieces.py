"""Sentences to piece ids, quickly: what was tokenized once is remembered."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Protocol, cast

# White space to `str.split`, but characters that BERT's tokenizer removes without splitting there.
_REMOVED = re.compile("[\x0b\x0c\x1c-\x1f\x85]")
# Characters that are words of their own wherever they stand: ASCII punctuation, common punctuation of other scripts,
# ideographs. A list that is not whole costs time only.
_ALONE = "!-/:-@\\[-`{-~\u2010-\u2027\u3001-\u3003\u3008-\u3011！（），：；？\u3400-\u4dbf\u4e00-\u9fff"
_PARTS = re.compile(f"[{_ALONE}]|[^{_ALONE}]+")
_MARKS = frozenset(string.punctuation)
_CACHED_ENTRIES = 1 << 18
_CACHED_LENGTH = 32

_Ids = tuple[int, ...]


class PieceEncoder(Protocol):
    """The host's tokenizer as the corpus builder needs it: a `TextEncoder` that also knows its vocabulary."""

    cls_id: int
    sep_id: int
    pad_id: int
    unk_id: int
    mask_id: int | None
    vocab_size: int
    vocab_sha256: str
    lowercase: bool

    def pieces(self, words: Sequence[str]) -> list[list[int]]:
        """The piece ids of each word, none empty: a word that leaves nothing becomes the unknown piece."""

    def encode(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """The piece ids of a text, without special pieces, and for each piece its characters [start, end)."""

    def spelled(self, ids: Iterable[int]) -> list[str]:
        """Each piece as the vocabulary has it, such as `##ing`."""


class RememberingEncoder:
    """Gives the ids of `PieceEncoder.encode`, several times as fast on text, whose words come again.

    Args:
        encoder: The tokenizer.
    """

    def __init__(self, encoder: PieceEncoder) -> None:
        self._encoder = encoder
        self._words: dict[str, _Ids] = {}
        spelled = encoder.spelled(range(encoder.vocab_size))
        # Words that are a piece are no longer than Google's limit, above which a word is unknown.
        self._whole = {piece: (id_,) for id_, piece in enumerate(spelled) if _is_plain(piece) and len(piece) <= 200}

    def ids(self, text: str) -> list[int]:
        """The piece ids of a text, without special pieces."""
        if _REMOVED.search(text):
            return self._encoder.encode(text)[0]
        words = text.split()
        found = list(map(self._words.get, words))
        place = 0
        for _ in range(found.count(None)):
            place = found.index(None, place)
            found[place] = self._word(words[place])
        return list(chain.from_iterable(cast(list[_Ids], found)))

    def _word(self, word: str) -> _Ids:
        head, last = word[:-1], word[-1:]
        if _is_plain(word):
            ids = self._whole.get(word.lower() if self._encoder.lowercase else word) or self._plain(word)
        elif last in _MARKS and _is_plain(head):  # as "word,": the common case, made quick
            ids = self._known(head) + self._known(last)
        elif "Σ" in word or len(word) == 1:  # a Σ in lower case depends on what follows, also behind a punctuation mark
            ids = tuple(self._encoder.encode(word)[0])
        else:
            parts = _PARTS.findall(word)
            alone = parts == [word]
            ids = tuple(self._encoder.encode(word)[0] if alone else chain.from_iterable(map(self._known, parts)))
        _remember(self._words, word, ids)
        return ids

    def _plain(self, word: str) -> _Ids:
        return tuple(self._encoder.pieces((word,))[0])

    def _known(self, word: str) -> _Ids:
        found = self._words.get(word)
        return self._word(word) if found is None else found


def _is_plain(word: str) -> bool:
    return word.isascii() and word.isalnum()


def _remember(cache: dict[str, _Ids], key: str, ids: _Ids) -> None:
    """Keep what is short; start afresh when there is too much."""
    if len(key) <= _CACHED_LENGTH:
        if len(cache) >= _CACHED_ENTRIES:
            cache.clear()
        cache[key] = ids
