"""First values of parameters: a function of a seed and the parameter's name, whatever else the model holds."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def truncated_normal(name: str, shape: Sequence[int], *, deviation: float, seed: int | None) -> NDArray[np.float32]:
    """Normal values, drawn again where they lie beyond two deviations, as in Google's BERT.

    Args:
        name: The parameter's name; each name has its own stream of numbers.
        shape: Of the array.
        deviation: Of the normal distribution before truncation.
        seed: Of the run; None gives zeros at once, for parameters whose values come from weights.
    """
    import numpy as np  # not above: `bertrun --help` imports this module too

    if seed is None:
        return np.zeros(tuple(shape), np.float32)
    generator = np.random.default_rng([seed, zlib.crc32(name.encode())])
    values = generator.standard_normal(tuple(shape), dtype=np.float32)
    while (beyond := np.abs(values) > 2).any():
        values[beyond] = generator.standard_normal(int(beyond.sum()), dtype=np.float32)
    return values * np.float32(deviation)
