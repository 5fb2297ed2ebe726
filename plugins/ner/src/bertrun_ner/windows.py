"""Sentences as windows of pieces: overlapping where they are too long, each word at home in exactly one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from bert_core import TextEncoder, Window


@dataclass(frozen=True)
class Stretch:
    """Units [start, end) that a window shows, of which [home_start, home_end) are labelled there."""

    start: int
    end: int
    home_start: int
    home_end: int


def stretches(sizes: Sequence[int], room: int) -> list[Stretch]:
    """Cover units by windows.

    Consecutive windows share about half of their pieces, and a unit is at home where it has the most
    context on its poorer side.

    Args:
        sizes: Pieces of each unit, each from 1 to `room`.
        room: Pieces that a window can hold.
    """
    ends = list(accumulate(sizes))
    if not sizes:
        return []
    if ends[-1] <= room:
        return [Stretch(0, len(sizes), 0, len(sizes))]
    shown = list(_shown(sizes, ends, room))
    borders = [0, *(_border(a, b) for a, b in pairwise(shown)), len(sizes)]
    return [Stretch(*window, *home) for window, home in zip(shown, pairwise(borders), strict=True)]


def _shown(sizes: Sequence[int], ends: Sequence[int], room: int) -> Iterator[tuple[int, int]]:
    start = 0
    while True:
        end, used = start, 0
        while end < len(sizes) and used + sizes[end] <= room:
            used += sizes[end]
            end += 1
        yield start, end
        if end == len(sizes):
            return
        begun = ends[start - 1] if start else 0
        start = next(unit for unit in range(start + 1, end + 1) if ends[unit - 1] - begun >= room / 2 or unit == end)


def _border(window: tuple[int, int], following: tuple[int, int]) -> int:
    """The middle of what two windows share."""
    return (following[0] + window[1]) // 2


def windows(
    example: int, units: Sequence[Sequence[int]], labels: Sequence[int] | None, text: TextEncoder
) -> Iterator[Window]:
    """The windows of one sentence, none where it has no units.

    Args:
        example: The sentence's index.
        units: The piece ids of each of its units.
        labels: The label id of each unit, where they are known.
        text: The tokenizer.
    """
    room = text.max_length - 2
    pieces = [list(ids[:room]) for ids in units]
    for stretch in stretches([len(ids) for ids in pieces], room):
        yield _window(example, stretch, pieces, labels, text)


def _window(
    example: int, stretch: Stretch, pieces: Sequence[list[int]], labels: Sequence[int] | None, text: TextEncoder
) -> Window:
    shown = pieces[stretch.start : stretch.end]
    ids = [text.cls_id, *(piece for word in shown for piece in word), text.sep_id]
    firsts = [1 + before for before in accumulate((len(word) for word in shown), initial=0)]
    home = slice(stretch.home_start - stretch.start, stretch.home_end - stretch.start)
    count = stretch.home_end - stretch.home_start
    known = [0] * count if labels is None else labels[stretch.home_start : stretch.home_end]
    return Window(
        example=example,
        input_ids=ids,
        token_type_ids=[0] * len(ids),
        features={"word_positions": firsts[:-1][home], "word_mask": [1] * count, "labels": list(known)},
        place=count,
    )
