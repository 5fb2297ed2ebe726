"""BERT's tokenizer: from text to piece ids, each with its characters in the text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from tokenizers import models

from . import basic
from .folder import TokenizerFolder
from .vocabulary import Vocabulary

Span = tuple[int, int]
_Pieces = tuple[tuple[int, ...], tuple[Span, ...]]

_Value = TypeVar("_Value")

_LONGEST_WORD = 200  # characters, as Google's code; the library's own default is 100
_SPECIAL = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}
_CACHED_LENGTH = 64
_CACHED_ENTRIES = 1 << 16


class WordPiece:
    """Google's `FullTokenizer`, with offsets. It is the `TextEncoder` that tasks are given.

    Text never becomes a special piece: `[SEP]` in an input is `[`, `sep`, `]`, as in Google's code.

    Attributes:
        cls_id, sep_id, pad_id, unk_id: Ids of the special pieces; `pad_id` is 0 where there is no `[PAD]`.
        mask_id: The id of `[MASK]`, or None where the vocabulary has none.
        vocab_size: How many pieces there are.
        vocab_sha256: The digest of the pieces, whatever the file's line ends.
        max_length: How many pieces the model takes, special ones included; `encode` does not cut.
        lowercase: Whether text is lower-cased.
        strip_accents: Whether accents are stripped.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        lowercase: bool | None,
        max_length: int,
        strip_accents: bool | None = None,
    ) -> None:
        """Make one from a vocabulary.

        Args:
            vocabulary: The pieces.
            lowercase: Whether to lower-case; None guesses from the vocabulary.
            max_length: How many pieces the model takes.
            strip_accents: Whether to strip accents; None does so where it lower-cases.
        """
        self.lowercase = vocabulary.looks_lowercase if lowercase is None else lowercase
        self.max_length = max_length
        self.cls_id, self.sep_id, self.unk_id = (vocabulary.ids[piece] for piece in ("[CLS]", "[SEP]", "[UNK]"))
        self.pad_id = vocabulary.ids.get("[PAD]", 0)
        self.mask_id = vocabulary.ids.get("[MASK]")
        self.vocab_size = len(vocabulary.pieces)
        self.vocab_sha256 = vocabulary.sha256
        self._vocabulary = vocabulary
        self._said_strip_accents = strip_accents
        self.strip_accents = self.lowercase if strip_accents is None else strip_accents
        # The library's unknown piece is "[UNK]" unless told otherwise, as in every BERT.
        self._model = models.WordPiece(vocab=vocabulary.ids, max_input_chars_per_word=_LONGEST_WORD)
        self._chunks: dict[str, _Pieces] = {}
        self._words: dict[str, tuple[int, ...]] = {}

    @classmethod
    def from_vocab(cls, path: Path, *, lowercase: bool | None, max_length: int) -> WordPiece:
        """From a `vocab.txt`; `lowercase` None guesses.

        Raises:
            CheckpointError: The file is missing, not UTF-8, says a piece twice or lacks a special piece.
        """
        return cls(Vocabulary.read(path), lowercase=lowercase, max_length=max_length)

    @classmethod
    def from_folder(cls, folder: Path, *, max_length: int) -> WordPiece:
        """From a folder in Hugging Face layout.

        Raises:
            CheckpointError: As `from_vocab`, or its settings are not those of a BERT.
        """
        found = TokenizerFolder.read(folder)
        return cls(
            found.vocabulary, lowercase=found.lowercase, max_length=max_length, strip_accents=found.strip_accents
        )

    def pieces(self, words: Sequence[str]) -> list[list[int]]:
        """The piece ids of each word, none empty: a word that leaves nothing becomes the unknown piece."""
        known = self._words
        return [list(known.get(word) or self._word(word)) for word in words]

    def encode(self, text: str) -> tuple[list[int], list[Span]]:
        """The piece ids of a text, without special pieces, and for each piece its characters [start, end).

        An accent that was stripped belongs to the letter before it.
        """
        ids: list[int] = []
        spans: list[Span] = []
        for place, chunk in basic.chunks(text):
            chunk_ids, chunk_spans = self._chunks.get(chunk) or self._chunk(chunk)
            ids += chunk_ids
            spans += ((place + start, place + end) for start, end in chunk_spans)
        return ids, spans

    def spelled(self, ids: Iterable[int]) -> list[str]:
        """Each piece as the vocabulary has it, such as `##ing`; a row of the model beyond it is the unknown piece."""
        pieces = self._vocabulary.pieces
        return [pieces[number if number < len(pieces) else self.unk_id] for number in ids]

    def save(self, folder: Path) -> None:
        """Write `vocab.txt`, byte for byte as it was read, and the `tokenizer_config.json` of transformers."""
        config = {
            "tokenizer_class": "BertTokenizer",
            "do_lower_case": self.lowercase,
            "strip_accents": self._said_strip_accents,
            "tokenize_chinese_chars": True,
            "model_max_length": self.max_length,
        }
        # One that the vocabulary lacks is not named: transformers would give it an id past the last row.
        config |= {role: piece for role, piece in _SPECIAL.items() if piece in self._vocabulary.ids}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "vocab.txt").write_bytes(self._vocabulary.content)
        (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")

    def _word(self, word: str) -> tuple[int, ...]:
        if word.isascii() and word.isalnum():  # one word that loses no character, and whose places nobody asks for
            tokens = self._model.tokenize(word.lower() if self.lowercase else word)
            ids = tuple([token.id for token in tokens])
        else:
            ids = tuple(self.encode(word)[0]) or (self.unk_id,)
        _remember(self._words, word, ids)
        return ids

    def _chunk(self, chunk: str) -> _Pieces:
        pieces = self._plain(chunk) if chunk.isascii() and chunk.isalnum() else self._mixed(chunk)
        _remember(self._chunks, chunk, pieces)
        return pieces

    def _plain(self, chunk: str) -> _Pieces:
        """One word that loses no character: the common case, made quick."""
        ids, ends = self._cut(chunk.lower() if self.lowercase else chunk)
        return tuple(ids), tuple(zip([0, *ends], ends, strict=False))

    def _mixed(self, chunk: str) -> _Pieces:
        ids: list[int] = []
        spans: list[Span] = []
        for letters in basic.words(chunk, lowercase=self.lowercase, strip_accents=self.strip_accents):
            word_ids, ends = self._cut("".join(letter.char for letter in letters))
            ids += word_ids
            for start, end in zip([0, *ends], ends, strict=False):
                piece = letters[start:end]
                spans.append((min(letter.start for letter in piece), max(letter.end for letter in piece)))
        return tuple(ids), tuple(spans)

    def _cut(self, word: str) -> tuple[list[int], list[int]]:
        """The pieces of a word and where each ends; the library's own offsets count bytes."""
        tokens = self._model.tokenize(word)
        if tokens[0].id == self.unk_id:
            return [self.unk_id], [len(word)]
        ends: list[int] = []
        for token in tokens:
            ends.append(ends[-1] + len(token.value) - len("##") if ends else len(token.value))
        return [token.id for token in tokens], ends


def _remember(cache: dict[str, _Value], key: str, value: _Value) -> None:
    """Keep what is short; start afresh when there is too much."""
    if len(key) > _CACHED_LENGTH:
        return
    if len(cache) >= _CACHED_ENTRIES:
        cache.clear()
    cache[key] = value
