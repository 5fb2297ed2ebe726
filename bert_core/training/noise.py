"""Dropout's random factors: a pure function of seed, update, micro-batch, row and place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bert_core.types import Noise

_LEVELS = 1 << 16


def dropout_factors(
    noises: Sequence[Noise], *, rows: Sequence[int], length: int, seed: int, step: int, part: int
) -> list[NDArray[np.float32]]:
    """For each place of dropout, 0 or 1 / (1 - rate) for each value.

    MindSpore's own dropout repeats from the start of a process and cannot be set to where a run stopped,
    so the factors are drawn here, from a stream of numbers for each (seed, step, part, row). A process that has
    some of the rows draws for them what it would draw if it had all.

    Args:
        noises: The places; rates are rounded to 1 / 65536.
        rows: Which rows of the micro-batch.
        length: Pieces of its longest row.
        seed: Of the run.
        step: The update, counted from 0.
        part: The micro-batch of the update.
    """
    streams = [np.random.SFC64([seed, step, part, row]) for row in rows]
    return [_factors(noise, noise.shape(len(rows), length), streams) for noise in noises]


def _factors(noise: Noise, shape: tuple[int, ...], streams: Sequence[np.random.SFC64]) -> NDArray[np.float32]:
    dropped = round(noise.rate * _LEVELS)
    kept = np.float32(_LEVELS / (_LEVELS - dropped))
    factors = np.empty(shape, np.float32)
    for row, stream in zip(np.split(factors, len(streams), noise.axis), streams, strict=True):
        raw = stream.random_raw((row.size + 3) // 4).view(np.uint16)[: row.size]
        np.multiply((raw >= dropped).reshape(row.shape), kept, out=row)
    return factors
