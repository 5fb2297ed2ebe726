"""How the values of a tensor differ between two worlds, both ways."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

Shape = tuple[int, ...]
Array = NDArray[Any]


class ChangeError(ValueError):
    """A sentence about values or a shape that a change is not for."""


@dataclass(frozen=True)
class Change:
    """A change of values and its inverse, between one foreign tensor and one of ours or several.

    Each function raises `ChangeError` for what it is not for.

    Args:
        name: What it does, a few words.
        shapes: The shapes of our tensors, from that of the foreign one.
        to_ours: Our tensors, from the foreign one.
        to_foreign: The foreign tensor, from ours in the same order.
    """

    name: str
    shapes: Callable[[Shape], tuple[Shape, ...]]
    to_ours: Callable[[Array], tuple[Array, ...]]
    to_foreign: Callable[[Sequence[Array]], Array]


def _only(tensors: Sequence[Array]) -> Array:
    (tensor,) = tensors
    return tensor


def _turned(shape: Shape) -> tuple[Shape, ...]:
    if len(shape) != 2:
        raise ChangeError(f"a matrix was expected, and its shape is {shape}")
    return (shape[::-1],)


def _transposed(tensor: Array) -> Array:
    _turned(tensor.shape)
    return tensor.T


SAME = Change("as it is", lambda shape: (shape,), lambda tensor: (tensor,), _only)
# (in, out) there and (out, in) here.
TRANSPOSED = Change(
    "transposed", _turned, lambda tensor: (_transposed(tensor),), lambda tensors: _transposed(_only(tensors))
)
