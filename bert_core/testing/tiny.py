"""Tiny things to test plugins with: sizes of a model, a vocabulary, a tokenizer, lines of data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bert_core.text.tokenizer import WordPiece

LENGTH = 64  # pieces that the tiny model takes
TINY_MODEL: Mapping[str, int | float] = {
    "vocab_size": 400,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": LENGTH,
    "initializer_range": 0.3,  # so that whatever should change no output would change it visibly
}
# Sentences of unlike lengths; each has the label of what it is about.
TINY_LINES = (
    ("animal", "the cat sat on the mat"),
    ("place", "oslo is in norway"),
    ("animal", "a dog ran"),
    ("place", "the road to porto is long and goes by the sea"),
    ("animal", "two birds sang in the tree"),
    ("place", "a town on a hill"),
    ("animal", "fish swim"),
    ("place", "we saw the port of lisbon in the morning light"),
)
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_MARKS = tuple(chr(code) for code in range(33, 127) if not chr(code).isupper())


def write_vocabulary(path: Path, text: str = "") -> Path:
    """Write a vocabulary: the special pieces, ASCII letters, digits and marks, and what a text is made of.

    Args:
        path: The file.
        text: Its words of letters become pieces, and so do its other characters, while there is room for them.
    """
    words = [word for word in text.lower().split() if word.isascii() and word.isalpha()]
    others = [mark for mark in text.lower() if not mark.isascii()]
    letters = [mark for mark in _MARKS if mark.isalnum()]
    pieces = dict.fromkeys([*_SPECIAL, *_MARKS, *(f"##{mark}" for mark in letters), *others, *words])
    path.write_text("".join(f"{piece}\n" for piece in list(pieces)[: int(TINY_MODEL["vocab_size"])]), encoding="utf-8")
    return path


def tokenizer(vocabulary: Path) -> WordPiece:
    """The tokenizer of a vocabulary, in lower case."""
    from bert_core.text.tokenizer import WordPiece

    return WordPiece.from_vocab(vocabulary, lowercase=True, max_length=LENGTH)


def as_words(options: Mapping[str, object]) -> list[str]:
    """Options as words of a command line."""
    words: list[str] = []
    for name, value in options.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        elif isinstance(value, Iterable) and not isinstance(value, str):
            words += [f"--{flag}", ",".join(map(str, value))]
        elif value is not None:
            words += [f"--{flag}", str(value)]
    return words
