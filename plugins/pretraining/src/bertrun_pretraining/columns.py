"""The columns of pre-training records: names, order, types and lengths, as in Google's files and the reference's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from .settings import Settings


class Column(NamedTuple):
    """A column of every record.

    Args:
        type: Of its values.
        length: How many a record has.
    """

    type: Literal["int32", "float32"]
    length: int


def columns_of(settings: Settings) -> Mapping[str, Column]:
    """The columns that records of these settings have, in order.

    Records that are masked when they are read have no `masked_lm_*`; where whole words are masked then, they have
    `word_starts`: 1 for a piece that begins a word.
    """
    pieces, predictions = Column("int32", settings.max_length), Column("int32", settings.max_predictions)
    columns = {"input_ids": pieces, "input_mask": pieces, "segment_ids": pieces}
    if settings.dynamic_masking:
        columns |= {} if settings.whole_word_mask == "off" else {"word_starts": pieces}
    else:
        columns |= {
            "masked_lm_positions": predictions,
            "masked_lm_ids": predictions,
            "masked_lm_weights": Column("float32", settings.max_predictions),
        }
    return columns | {"next_sentence_labels": Column("int32", 1)}
