"""Whether two results are the same but for the last digits of their numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def alike(one: Any, other: Any) -> bool:
    """Whether both are made of the same values; numbers may differ by 1 in 10,000."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.shape(one) == np.shape(other) and np.allclose(one, other, rtol=1e-4, atol=1e-5)
    if isinstance(one, bool) or isinstance(other, bool) or one is None or isinstance(one, str):
        return bool(one == other)
    if isinstance(one, Mapping):
        return isinstance(other, Mapping) and one.keys() == other.keys() and all(alike(one[k], other[k]) for k in one)
    if isinstance(one, Sequence):
        return isinstance(other, Sequence) and len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, int | float | np.number):
        return math.isclose(one, other, rel_tol=1e-4, abs_tol=2e-4)  # predictions are shown rounded
    return bool(one == other)


def crop(one: NDArray[Any], other: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Two arrays, cut to what both have: rows of a batch may be padded."""
    assert one.ndim == other.ndim, f"the outputs have the shapes {one.shape} and {other.shape}"
    both = tuple(slice(min(sizes)) for sizes in zip(one.shape, other.shape, strict=True))
    return one[both], other[both]


def difference(one: NDArray[Any], other: NDArray[Any]) -> float:
    """The greatest, as a share where values are greater than 1."""
    if not one.size:
        return 0.0
    scale = max(1.0, float(np.abs(one).max()))
    return float(np.abs(np.asarray(one, np.float64) - other).max()) / scale
