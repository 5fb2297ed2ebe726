"""What decides the records, whatever the number of workers."""

from __future__ import annotations

from dataclasses import dataclass

from bert_core import UsageError

from .corpus.sentences import AUTO, SentenceRule
from .words import WholeWords


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of Google's `create_pretraining_data.py`, with its defaults, and ours.

    Args:
        max_length: Pieces of a record, [CLS] and two [SEP] counted (`max_seq_length`).
        max_predictions: At most so many masked pieces of a record (`max_predictions_per_seq`).
        masked_share: The share of pieces that are masked (`masked_lm_prob`).
        short_share: The share of documents that are packed into shorter records (`short_seq_prob`).
        dupe_factor: How often the text is packed and masked, differently each time.
        whole_words: What is masked together.
        dynamic_masking: Store records unmasked; they are masked when they are read.
        sentences: Whether a line is a sentence.
        language: The language of the rules that split paragraphs.
        seed: Of all that is drawn.
        block_characters: Text of so many characters makes one shard. The random second text of a pair comes from
            the same block, and records are shuffled within it.

    Raises:
        UsageError: A value is out of its range.
    """

    max_length: int = 128
    max_predictions: int = 20
    masked_share: float = 0.15
    short_share: float = 0.1
    dupe_factor: int = 10
    whole_words: WholeWords = "off"
    dynamic_masking: bool = False
    sentences: SentenceRule = "auto"
    language: str = AUTO
    seed: int = 12345
    block_characters: int = 4_000_000

    def __post_init__(self) -> None:
        for name, least, most in (
            ("max_length", 5, 65535),  # [CLS] a [SEP] b [SEP]; positions are kept in 16 bits while they are drawn
            ("max_predictions", 1, 65535),
            ("dupe_factor", 1, 1000),
            ("seed", 0, 2**63 - 1),
            ("block_characters", 1, 100_000_000),
        ):
            _check(name, getattr(self, name), least, most)
        _check("masked_share", self.masked_share, 0, 1)
        _check("short_share", self.short_share, 0, 1)


def _check(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise UsageError(f"{name} is {value}, which is not from {least} to {most}")
