"""Floating-point numbers as files hold them, and as float32."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

# NumPy knows no bfloat16: its bits are read
READ_AS: Mapping[str, str] = MappingProxyType({"F16": "<f2", "BF16": "<u2", "F32": "<f4", "F64": "<f8"})


def as_float32(stored: NDArray[Any], dtype: str) -> NDArray[np.float32]:
    """Numbers that were read as `READ_AS` says; the array itself where they are float32 already."""
    if dtype == "BF16":  # the upper half of a float32
        return np.left_shift(stored, 16, dtype=np.uint32).view(np.float32)
    with np.errstate(over="ignore"):
        return stored.astype(np.float32, copy=False)
