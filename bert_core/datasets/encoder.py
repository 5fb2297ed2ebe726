"""The tokenizer for commands that plugins mount, in any process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bert_core.text.tokenizer import WordPiece


@dataclass(frozen=True)
class OpenEncoder:
    """Opens the tokenizer of a vocabulary; it can be sent to other processes."""

    vocab: Path
    lowercase: bool | None
    max_length: int = 1 << 30  # texts are cut by who asked

    def __call__(self) -> WordPiece:
        """The tokenizer.

        Raises:
            CheckpointError: It cannot be opened.
        """
        return WordPiece.from_vocab(self.vocab, lowercase=self.lowercase, max_length=self.max_length)
