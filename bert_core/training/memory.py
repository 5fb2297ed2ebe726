"""How much memory training takes, estimated before it starts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mindspore import Parameter


_FLOAT = 4  # bytes
_ROWS = 16  # vectors of hidden size that a layer keeps for the way back, for each piece
_WIDE = 4  # the same of intermediate size
_MAPS = 4  # numbers that a head keeps for each pair of pieces: scores, probabilities, and both with dropout
SIZES = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")


def parameter_bytes(
    parameters: Mapping[str, Parameter], state: Mapping[str, Parameter], trained: Collection[str], *, split: bool
) -> int:
    """Of parameters, gradients and the optimizer's state.

    Args:
        parameters: All of the network.
        state: What the optimizer keeps.
        trained: The names of those that get gradients.
        split: Whether gradients are added up in parameters of their own: with micro-batches or a loss scale.
    """
    values = sum(p.size for p in parameters.values()) + sum(p.size for p in state.values())
    gradients = sum(parameters[name].size for name in trained) * (2 if split else 1)
    return _FLOAT * int(values + gradients)


def activation_bytes(model: Any, *, windows: int, length: int, recompute: bool, head: int = 0) -> int | None:
    """Of what is kept between the way there and the way back, at most; None for a model without such sizes.

    Args:
        model: The options of a model.
        windows: In one micro-batch.
        length: Pieces of the longest.
        recompute: Whether only each layer's input is kept, and the inner vectors of one layer at a time.
        head: Numbers that the head keeps for each window.
    """
    if not all(hasattr(model, name) for name in SIZES):
        return None
    hidden, wide, layers, heads = (int(getattr(model, name)) for name in SIZES)
    inputs = windows * length * hidden
    inner = windows * length * (_ROWS * hidden + _WIDE * wide) + _MAPS * windows * heads * length * length
    encoder = layers * inputs + inner if recompute else layers * inner
    return _FLOAT * (encoder + windows * head)
