"""What every format of weights is read as: named tensors, one at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

# The dtypes that files may say, in the words of the safetensors format, with the bytes of an element.
SIZES = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "U16": 2,
    "I16": 2,
    "F16": 2,
    "BF16": 2,
    "U32": 4,
    "I32": 4,
    "F32": 4,
    "U64": 8,
    "I64": 8,
    "F64": 8,
}


@dataclass(frozen=True)
class Stored:
    """A tensor as its file describes it.

    Args:
        dtype: In the words of the safetensors format: F32, F16, BF16, F64, I64, ...
        shape: Its sizes.
    """

    dtype: str
    shape: tuple[int, ...]


class Archive(Protocol):
    """The tensors of one checkpoint, in one file or several.

    Opening reads and checks what describes the tensors, and no tensor; whatever is wrong is a
    `CheckpointError` with the file and one sentence.
    """

    @property
    def path(self) -> Path:
        """The file that messages name."""

    @property
    def files(self) -> Sequence[Path]:
        """Every file that it is made of."""

    @property
    def tensors(self) -> Mapping[str, Stored]:
        """What is stored, by its stored name."""

    def read(self, name: str) -> NDArray[np.float32]:
        """One tensor; half, double and bfloat16 numbers become float32.

        Raises:
            CheckpointError: It holds no floating-point numbers, or its bytes are not what was written.
        """
