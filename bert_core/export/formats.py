"""What a format of exported networks can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .graph import Kind
from .inputs import Batch, Input

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Tensors = Sequence["NDArray[np.float32]"]  # what a network gives for a batch


@dataclass(frozen=True)
class Written:
    """A model file.

    Args:
        path: The file; others may stand beside it.
        gives: The `Kind` of each tensor that the network gives.
    """

    path: Path
    gives: tuple[Kind, ...]


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format.

    Args:
        told: What to know of it before work starts, one sentence.
        packages: What writes and runs it; their versions are noted.
        operators: Gives the encoder's operators that are written, where they are not the host's plain ones.
        check: Refuses where something is missing.
        write: Writes a network with its inputs and the names of what it gives into a folder.
        run: What the network gives for each batch, from a model file as another program would load it.
    """

    told: str
    packages: tuple[str, ...]
    operators: Callable[[], Mapping[str, Any]]
    check: Callable[[], None]
    write: Callable[[Any, Sequence[Input], Sequence[str], Path], Written]
    run: Callable[[Path, Sequence[Batch]], list[Tensors]]
