"""What a user can tell the pre-training task, and of it what also decides the records that text is made into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bert_core import option

# `off` masks pieces, `pieces` masks a piece with the `##` pieces that follow, `chinese` also the words of Chinese.
WholeWords = Literal["off", "pieces", "chinese"]
# `auto` takes the lines of plain text as sentences and splits the paragraphs of wikis.
SentenceRule = Literal["auto", "line", "split"]
AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class RecordOptions:
    """What decides records: Google's settings of `create_pretraining_data.py`, with its defaults, and ours.

    The random second text of a pair comes from the same block of `block_characters`, and records are shuffled within
    it. How often the text is packed is `dupe_factor`; None is 1 where records are masked when they are read, for that
    makes each epoch another, and 10 where they are not.
    """

    masked_share: float = option(0.15, above=0, maximum=1, help="Share of pieces that are masked.")
    max_predictions: int = option(20, minimum=1, maximum=65535, help="Masked pieces of a record at most.")
    whole_word_mask: WholeWords = option(
        "off",
        help="Mask a piece with the ## pieces that follow (pieces), or also the words of Chinese text (chinese); of "
        "stored records, chinese wants the column word_starts.",
    )
    short_share: float = option(0.1, minimum=0, maximum=1, help="Share of documents that become shorter records.")
    random_next: float = option(
        0.5, minimum=0, maximum=1, help="Share of second texts that are from elsewhere, where there is a choice."
    )
    dupe_factor: int | None = option(
        None,
        minimum=1,
        maximum=1000,
        help="Pack the text so often, differently each time; by default 10, and 1 where masking is dynamic.",
    )
    sentences: SentenceRule = option(
        "auto", help="Take each line for a sentence, or split lines; auto: lines of plain text, and split wikis."
    )
    language: str = option(
        AUTO,
        metavar="CODE",
        help="Whose rules split sentences, such as en; auto: zh where ideographs prevail, or en.",
    )
    block_characters: int = option(
        4_000_000,
        minimum=1,
        maximum=100_000_000,
        help="Text of so many characters makes a shard; pairs and order are drawn within it.",
    )


@dataclass(frozen=True, kw_only=True)
class PretrainOptions(RecordOptions):
    """What is learnt, how text is made into records, and how records that were stored unmasked are masked."""

    next_sentence: bool = option(
        True, help="Learn also whether the second text follows the first; without it, masked pieces alone."
    )
    dynamic_masking: bool = option(
        True, help="Mask the records of text anew in each epoch; without it, once when they are made."
    )
    eval_records: int = option(
        100_000,
        minimum=1,
        metavar="N",
        help="Records that are scored at most, evenly taken from their set; each takes some 2 kB of memory meanwhile.",
    )
    record_workers: int = option(1, minimum=1, metavar="N", help="Processes that make records of text.")
