"""What is kept of texts that are too long for the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kept = Literal["head", "tail", "head-tail", "windows"]
HEAD_SHARE = 4  # of head and tail: a fourth is head, as 128 of 510 in Sun et al. 2019, "How to fine-tune BERT"


@dataclass
class Counted:
    """How many texts and pieces the last encoding had, and what became of them."""

    texts: int = 0
    windows: int = 0
    several: int = 0
    cut: int = 0
    pieces: int = 0
    lost: int = 0

    def add(self, pieces: int, kept: int, windows: int) -> None:
        """Count a text."""
        self.texts += 1
        self.windows += windows
        self.several += windows > 1
        self.cut += kept < pieces
        self.pieces += pieces
        self.lost += pieces - kept

    def notes(self, kept: str) -> tuple[str, ...]:
        """A sentence, where a text was longer than a window.

        Args:
            kept: What is kept of it, where it is cut.
        """
        long = f"{self.cut or self.several:,} of {self.texts:,} were longer than --max-length and"
        if self.several:
            return (f"{long} took {self.windows - self.texts + self.several:,} windows",)
        if self.cut:
            return (f"{long} were cut; {kept}; {self.lost / self.pieces:.1%} of all pieces were left out",)
        return ()


def cut_single(pieces: Sequence[int], room: int, kept: Kept) -> list[int]:
    """At most `room` pieces of a text: its beginning, its end, or some of both.

    Args:
        pieces: Of the text, without special pieces.
        room: How many fit.
        kept: Which are kept; of windows the first.
    """
    if len(pieces) <= room:
        return list(pieces)
    head = {"head": room, "windows": room, "tail": 0, "head-tail": room // HEAD_SHARE}[kept]
    return [*pieces[:head], *pieces[len(pieces) - (room - head) :]]


def slide(pieces: Sequence[int], room: int, stride: int | None) -> list[list[int]]:
    """Windows over all pieces of a text; the last one is the first that reaches the end.

    Args:
        pieces: Of the text, without special pieces.
        room: How many fit.
        stride: From the start of one window to that of the next, at most `room`; None is half of `room`.
    """
    step = min(room, stride or max(1, room // 2))
    count = 1 + -(-max(0, len(pieces) - room) // step)
    return [list(pieces[start : start + room]) for start in range(0, count * step, step)]


def shared(target: Mapping[str, Any], count: int) -> dict[str, Any]:
    """The features of a label for each of so many windows, which together weigh as much as one."""
    weights = np.asarray(target["weights"], np.float32) / count
    return {**target, "weights": weights}


def pooled(rows: Sequence[NDArray[np.float32]], how: Literal["mean", "max"]) -> NDArray[np.float32]:
    """The logits of a text from those of its windows, (windows, outputs): their mean, or the greatest of each."""
    joined: NDArray[np.float32] = np.mean(rows, axis=0) if how == "mean" else np.max(rows, axis=0)
    return joined


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
