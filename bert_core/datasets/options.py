"""What the commands of `bertrun data` can be told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bert_core.options import option


@dataclass(frozen=True, kw_only=True)
class TextOptions:
    """How text becomes pieces."""

    vocab: Path | None = option(None, metavar="FILE", help="WordPiece vocabulary, to count or to write pieces.")
    weights: str | None = option(None, metavar="DIR|NAME", help="Weights whose vocabulary it is, in place of --vocab.")
    lowercase: bool | None = option(None, help="Lower-case the text; by default as the vocabulary was made.")
    max_length: int = option(128, minimum=4, help="Pieces in one window, [CLS] and [SEP] counted.")


@dataclass(frozen=True, kw_only=True)
class InspectionOptions(TextOptions):
    """Of `check` and `stats`."""

    json: bool = option(False, help="Print JSON.")
