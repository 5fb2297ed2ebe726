"""What is kept of texts that are too long for the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Kept = Literal["head", "tail", "head-tail"]
HEAD_SHARE = 4  # of head and tail: a fourth is head, as 128 of 510 in Sun et al. 2019, "How to fine-tune BERT"


def cut_single(pieces: Sequence[int], room: int, kept: Kept) -> list[int]:
    """At most `room` pieces of a text: its beginning, its end, or some of both.

    Args:
        pieces: Of the text, without special pieces.
        room: How many fit.
        kept: Which are kept.
    """
    if len(pieces) <= room:
        return list(pieces)
    head = {"head": room, "tail": 0, "head-tail": room // HEAD_SHARE}[kept]
    return [*pieces[:head], *pieces[len(pieces) - (room - head) :]]


def cut_pair(first: Sequence[int], second: Sequence[int], room: int) -> tuple[list[int], list[int]]:
    """Two texts in at most `room` pieces; the longer one loses its end, piece by piece, and of equal ones the second.

    This is `_truncate_seq_pair` of Google's run_classifier.py.
    """
    one, other = len(first), len(second)
    while one + other > room:
        if one > other:
            one -= 1
        else:
            other -= 1
    return list(first[:one]), list(second[:other])
