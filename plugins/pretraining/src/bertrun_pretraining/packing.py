"""Documents to pairs of texts, as Google's `create_pretraining_data.py` packs them.

Segments (sentences) fill a record up to its length; the first of them are text A. Text B is what follows, or with
probability `random_next`, 1/2 in the published code, segments of another document, and then the segments that were not
used are packed again. Where a pair is too long, the longer text loses pieces at its front or its end, each with
probability 1/2.

The published code draws from Python's `random` in the order of the documents of the whole corpus. Here each block of
documents has its own stream, from the seed and the block's number; probabilities are the same. The other document comes
from the same block, not from the whole corpus, which need not be in memory.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SPECIAL = 3  # [CLS], [SEP], [SEP]
_TRIES = 10


@dataclass(frozen=True)
class Segments:
    """The segments of a block's documents, end to end.

    Args:
        bounds: Where segment i begins among the block's pieces, and as `bounds[i + 1]` where it ends; none is empty.
        documents: The first segment of document i, and as `documents[i + 1]` the one after its last; none is empty.
    """

    bounds: Sequence[int]
    documents: Sequence[int]


class Pairs(NamedTuple):
    """Pairs of texts, as stretches of the block's pieces; each array is (pairs,) int32."""

    a_start: NDArray[np.int32]
    a_length: NDArray[np.int32]
    b_start: NDArray[np.int32]
    b_length: NDArray[np.int32]
    random_next: NDArray[np.int32]

    def rows(self, chosen: NDArray[np.int64] | slice) -> Pairs:
        """Some of the pairs."""
        return Pairs(*(column[chosen] for column in self))


def pack(
    segments: Segments,
    *,
    max_length: int,
    short_share: float,
    dupe_factor: int,
    random: Random,
    random_next: float = 0.5,
) -> Pairs:
    """Every document, `dupe_factor` times, as pairs of at most `max_length` - 3 pieces."""
    packer = _Packer(segments, max_length - SPECIAL, short_share, random, random_next)
    for _ in range(dupe_factor):
        for number in range(len(segments.documents) - 1):
            packer.document(number)
    found = np.frombuffer(packer.pairs, dtype=np.int32) if packer.pairs else np.empty(0, dtype=np.int32)
    return Pairs(*found.reshape(-1, len(Pairs._fields)).T.copy())


class _Packer:
    def __init__(self, segments: Segments, room: int, short_share: float, random: Random, random_next: float) -> None:
        self._bounds = segments.bounds
        self._documents = segments.documents
        self._room = room
        self._short_share = short_share
        self._random_next = random_next
        self._draw: Callable[[], float] = random.random
        self._bits = random.getrandbits
        self.pairs = array("i")

    def document(self, number: int) -> None:
        """Pack one document once."""
        bounds, draw, random_next = self._bounds, self._draw, self._random_next
        first, end = self._documents[number], self._documents[number + 1]
        target = self._room
        if draw() < self._short_share:
            target = 2 + int(draw() * (self._room - 1))  # from 2 to the room
        while first < end:
            start = bounds[first]
            # Segments until there are enough pieces, the one that fills it up counted, or the document ends.
            stop = min(bisect_left(bounds, start + target, first + 1, end + 1), end)
            count = stop - first
            middle = first + 1 if count == 1 else first + 1 + int(draw() * (count - 1))
            if count == 1 or draw() < random_next:
                b_start, b_stop = self._elsewhere(number, target - (bounds[middle] - start))
                self._add(start, bounds[middle], b_start, b_stop, 1)
                first = middle  # what was not used is packed again
            else:
                self._add(start, bounds[middle], bounds[middle], bounds[stop], 0)
                first = stop

    def _elsewhere(self, number: int, wanted: int) -> tuple[int, int]:
        """Pieces of another document from a random segment on; of the same one where ten draws give no other."""
        bounds, documents, draw = self._bounds, self._documents, self._draw
        others = len(documents) - 1
        for _ in range(_TRIES):
            other = int(draw() * others)
            if other != number:
                break
        low, high = documents[other], documents[other + 1]
        begin = low + int(draw() * (high - low))
        stop = min(bisect_left(bounds, bounds[begin] + wanted, begin + 1, high + 1), high)
        return bounds[begin], bounds[stop]

    def _add(self, a_start: int, a_stop: int, b_start: int, b_stop: int, random_next: int) -> None:
        a, b = a_stop - a_start, b_stop - b_start
        if a + b > self._room:
            kept_a, kept_b = shortened(a, b, self._room)
            if a > kept_a:
                a_start += self._bits(a - kept_a).bit_count()
            if b > kept_b:
                b_start += self._bits(b - kept_b).bit_count()
            a, b = kept_a, kept_b
        self.pairs.extend((a_start, a, b_start, b, random_next))


def shortened(a: int, b: int, room: int) -> tuple[int, int]:
    """The lengths that are left when the longer of two texts, B where they are equal, loses a piece until both fit."""
    if a + b <= room:
        return a, b
    half = room // 2
    if b <= half:
        return room - b, b
    if a <= room - half:
        return a, room - a
    return room - half, half
