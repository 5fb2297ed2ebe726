"""Which pieces of records are masked, and what stands in their place.

As in Google's `create_pretraining_data.py`: of a record of n pieces, special ones counted, round(0.15 n) are chosen, at
least 1 and at most `max_predictions`; of these 80 % become [MASK], 10 % any piece of the vocabulary, 10 % stay. With
whole words, words are drawn one after the other, and one that is too long for what is left is passed over.

One departure: a text that was cut at its front may begin with a `##` piece. Google's code counts this piece of text B
to the last word of text A, across [SEP]; here it begins a word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Raw = NDArray[np.uint64]

_LOW = np.uint64(0xFFFF)
_LAST = np.uint64(2**64 - 1)
_HALF = np.uint64(32)
_MASKED = np.uint64(int(0.8 * 2**64))
_KEPT = np.uint64(int(0.9 * 2**64))


class Predictions(NamedTuple):
    """The masked pieces of rows.

    Args:
        input_ids: (rows, length) with the masked pieces replaced.
        positions: (rows, max_predictions) rising, 0 where a row has fewer.
        ids: (rows, max_predictions) what stood there, 0 where a row has fewer.
        weights: (rows, max_predictions) 1, and 0 where a row has fewer.
    """

    input_ids: Ints
    positions: Ints
    ids: Ints
    weights: NDArray[np.float32]


@dataclass(frozen=True)
class Masking:
    """How rows are masked.

    Args:
        share: The share of pieces to mask.
        max_predictions: At most so many of a row.
        mask_id: The id of [MASK].
        vocab_size: Random pieces are below.
    """

    share: float
    max_predictions: int
    mask_id: int
    vocab_size: int

    def draws(self, length: int) -> int:
        """How many random words of 64 bits a row of `length` places takes."""
        return length + 2 * self.max_predictions

    def mask(
        self, ids: Ints, lengths: Ints, maskable: NDArray[np.bool_], begins: NDArray[np.bool_] | None, raw: Raw
    ) -> Predictions:
        """Mask rows; the result is a function of the arguments, row by row.

        Args:
            ids: (rows, length) pieces, special ones included.
            lengths: (rows,) how many pieces each row has, special ones included.
            maskable: (rows, length) pieces that are neither special nor padding.
            begins: (rows, length) pieces that begin a word; None masks pieces, whatever word they are of.
            raw: (rows, `draws(length)`) random 64-bit words.
        """
        length, most = ids.shape[1], self.max_predictions
        wanted = np.clip(np.rint(lengths * self.share), 1, most).astype(np.int32)
        keys = raw[:, :length]
        chosen = (
            _pieces(keys, maskable, wanted, most) if begins is None else _words(keys, maskable, begins, wanted, most)
        )
        counts = chosen < length
        positions = np.where(counts, chosen, 0).astype(np.int32)
        originals = np.take_along_axis(ids, positions, axis=1)
        replaced = self._replaced(originals, raw[:, length : length + most], raw[:, length + most :])
        masked = ids.copy()
        rows = np.nonzero(counts)[0]
        masked[rows, positions[counts]] = replaced[counts]
        return Predictions(masked, positions, np.where(counts, originals, np.int32(0)), counts.astype(np.float32))

    def _replaced(self, originals: Ints, fates: Raw, words: Raw) -> Ints:
        random = (((words >> _HALF) * np.uint64(self.vocab_size)) >> _HALF).astype(np.int32)
        return np.where(fates < _MASKED, np.int32(self.mask_id), np.where(fates < _KEPT, originals, random))


def _pieces(keys: Raw, maskable: NDArray[np.bool_], wanted: Ints, most: int) -> Ints:
    """(rows, most) the positions of the `wanted` least keys, rising; the length where there are fewer."""
    length = keys.shape[1]
    least = np.sort(_ranked(keys, maskable), axis=1)[:, :most]  # quicker than np.partition where there is AVX-512
    chosen = np.where(least == _LAST, length, (least & _LOW).astype(np.int32))
    chosen[np.arange(chosen.shape[1]) >= wanted[:, None]] = length
    chosen.sort(axis=1)
    return _widened(chosen, most, length)


def _words(keys: Raw, maskable: NDArray[np.bool_], begins: NDArray[np.bool_], wanted: Ints, most: int) -> Ints:
    """(rows, most) the positions of words in the order of their keys as far as they fit, rising."""
    rows, length = keys.shape
    word = np.where(maskable, np.cumsum(begins & maskable, axis=1) - 1, length)  # (rows, length)
    flat = (word + np.arange(rows)[:, None] * (length + 1)).ravel()
    sizes = np.bincount(flat, minlength=rows * (length + 1)).reshape(rows, length + 1)[:, :length]
    ranked = np.sort(_ranked(keys, sizes > 0), axis=1)
    order = np.where(ranked == _LAST, length - 1, (ranked & _LOW).astype(np.int32))  # an empty word, or the last
    taken = np.zeros((rows, length + 1), dtype=np.bool_)
    left = wanted.copy()
    for place in range(int((sizes > 0).sum(axis=1).max(initial=0))):
        drawn = order[:, place]
        size = sizes[np.arange(rows), drawn]
        fits = (size <= left) & (ranked[:, place] != _LAST)
        left -= size * fits
        taken[np.arange(rows)[fits], drawn[fits]] = True
    found = np.take_along_axis(taken, word, axis=1) & maskable
    chosen = np.sort(np.where(found, np.arange(length), length), axis=1)[:, :most]
    return _widened(chosen, most, length)


def _ranked(keys: Raw, allowed: NDArray[np.bool_]) -> Raw:
    """Keys whose last 16 bits are the place, so that sorting them carries it along; the greatest where not allowed."""
    places = np.arange(keys.shape[1], dtype=np.uint64)
    return np.where(allowed, (keys & ~_LOW) | places, _LAST)


def _widened(chosen: Ints, most: int, length: int) -> Ints:
    """With places for `most` positions also where rows are shorter than that."""
    missing = most - chosen.shape[1]
    return chosen if missing <= 0 else np.pad(chosen, ((0, 0), (0, missing)), constant_values=length)
