"""The random order of an epoch: a function of the seed and the epoch alone.

It is made from the raw output of Philox, which NumPy promises never to change, so that a run resumes after an upgrade.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def epoch_random(seed: int, epoch: int) -> np.random.Philox:
    """The random numbers of an epoch, counted from 0; the seed is any whole number."""
    return np.random.Philox(key=np.array([seed % 2**64, epoch], dtype=np.uint64))


def permuted(values: NDArray[Any], random: np.random.Philox) -> NDArray[Any]:
    """The values in an order that the next random numbers give, each order as likely as any other."""
    return values[np.argsort(random.random_raw(len(values)), kind="stable")]
