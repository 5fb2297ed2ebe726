"""What the commands of `bertrun data` can be told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bert_core.options import option


@dataclass(frozen=True, kw_only=True)
class TextOptions:
    """How text becomes pieces."""

    vocab: Path | None = option(None, metavar="FILE", help="WordPiece vocabulary, to count or to write pieces.")
    weights: str | None = option(None, metavar="DIR|NAME", help="Weights whose vocabulary it is, in place of --vocab.")
    lowercase: bool | None = option(None, help="Lower-case the text; by default as the vocabulary was made.")
    max_length: int = option(128, minimum=4, help="Pieces in one window, [CLS] and [SEP] counted.")


@dataclass(frozen=True, kw_only=True)
class RecordOptions(TextOptions):
    """How records are read."""

    schema: Path | None = option(None, metavar="FILE", help="Schema file of TFRecords that are read.")
    on_bad_record: str = option(
        "error", metavar="error|skip:N", help="Stop at a record that cannot be read, or leave out up to N of them."
    )


@dataclass(frozen=True, kw_only=True)
class InspectionOptions(RecordOptions):
    """Of `check` and `stats`."""

    json: bool = option(False, help="Print JSON.")


@dataclass(frozen=True, kw_only=True)
class ConvertOptions(RecordOptions):
    """Of `convert`."""

    to: Literal["tfrecord", "mindrecord"] | None = option(None, help="Format; by default as TARGET's name says.")
    names: Literal["modelzoo", "bertrun"] = option(
        "modelzoo", help="Names of the columns: the ModelZoo's and Google's (input_mask, ...), or ours; both are read."
    )
    begin: float = option(0.0, minimum=0, maximum=1, help="Write from this share of the examples on, such as 0.9.")
    end: float = option(1.0, minimum=0, maximum=1, help="Write up to this share of the examples.")

    def problems(self) -> Iterable[str]:
        """Values that contradict each other."""
        if self.begin >= self.end:
            yield f"--begin {self.begin:g} and --end {self.end:g} leave nothing between them"


@dataclass(frozen=True, kw_only=True)
class ShowOptions(RecordOptions):
    """Of `show`."""

    start: int = option(1, minimum=1, help="First record that is shown, counted from 1.")
    count: int = option(3, minimum=1, help="How many are shown.")
