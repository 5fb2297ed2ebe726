"""What a user can tell the pre-training task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bert_core import option


@dataclass(frozen=True, kw_only=True)
class PretrainOptions:
    """What is learnt, and how records that were stored unmasked are masked."""

    next_sentence: bool = option(
        True, help="Learn also whether the second text follows the first; without it, masked pieces alone."
    )
    masked_share: float = option(
        0.15, above=0, maximum=1, help="Share of pieces that are masked, of records stored unmasked."
    )
    max_predictions: int = option(
        20, minimum=1, maximum=65535, help="Masked pieces of a record at most, of records stored unmasked."
    )
    whole_word_mask: Literal["off", "pieces", "chinese"] = option(
        "off", help="What is masked together, of records stored unmasked; chinese wants their column word_starts."
    )
