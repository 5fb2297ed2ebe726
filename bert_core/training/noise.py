"""Dropout's random factors: a pure function of seed, update, micro-batch and place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bert_core.types import Noise

_LEVELS = 1 << 16


def dropout_factors(
    noises: Sequence[Noise], *, batch: int, length: int, seed: int, step: int, part: int
) -> list[NDArray[np.float32]]:
    """For each place of dropout, 0 or 1 / (1 - rate) for each value.

    MindSpore's own dropout repeats from the start of a process and cannot be set to where a run stopped,
    so the factors are drawn here, from a stream of numbers for each (seed, step, part, place).

    Args:
        noises: The places; rates are rounded to 1 / 65536.
        batch: Rows of the batch.
        length: Pieces of its longest row.
        seed: Of the run.
        step: The update, counted from 0.
        part: The micro-batch of the update.
    """
    return [
        _factors(noise.shape(batch, length), noise.rate, np.random.SFC64([seed, step, part, place]))
        for place, noise in enumerate(noises)
    ]


def _factors(shape: tuple[int, ...], rate: float, random: np.random.SFC64) -> NDArray[np.float32]:
    count = int(np.prod(shape))
    dropped = round(rate * _LEVELS)
    raw = random.random_raw((count + 3) // 4).view(np.uint16)[:count]
    kept = np.float32(_LEVELS / (_LEVELS - dropped))
    return np.multiply(raw >= dropped, kept, dtype=np.float32).reshape(shape)
