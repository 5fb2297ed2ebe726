"""NEZHA (Wei et al. 2019): BERT with relative positions in its attention, in place of absolute ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from mindspore import Tensor
from numpy.typing import NDArray

from .config import NezhaOptions
from .encoder import Maker
from .layer import SelfAttention


class SinusoidSelfAttention(SelfAttention):
    """Self-attention with NEZHA's published positions, which are constants."""

    def __init__(self, maker: NezhaMaker, name: str) -> None:
        super().__init__(maker, name)
        self.table = Tensor(sinusoids(2 * maker.reach + 1, maker.head_width))

    def positions(self) -> Any:
        """The table of relative positions."""
        return (self.table,)


class LearnedSelfAttention(SelfAttention):
    """Self-attention with a table of positions that is trained, as in the ModelZoo: each layer has its own."""

    def __init__(self, maker: NezhaMaker, name: str) -> None:
        super().__init__(maker, name)
        rows = 2 * maker.reach + 1
        self.relative_positions = maker.matrix(f"{name}.relative_positions", rows, maker.head_width, bias=False)

    def positions(self) -> Any:
        """The table of relative positions."""
        return (self.relative_positions.weight,)


class NezhaMaker(Maker):
    """Makes the cells of a NEZHA encoder.

    Args:
        options: The sizes, and which positions.
        parts: See `Maker`.
    """

    absolute_positions = False
    options: NezhaOptions

    @property
    def reach(self) -> int:
        """The distance from which on all count as alike."""
        assert self.options.max_relative_position is not None
        return self.options.max_relative_position

    @property
    def head_width(self) -> int:
        """Of one head."""
        return self.options.hidden_size // self.options.num_attention_heads

    def attention(self) -> Any:
        """The attention operator."""
        return self.operator("relative_attention", self.options.num_attention_heads, self.head_width, self.reach)

    def self_attention(self, name: str) -> SelfAttention:
        """The parameters of a layer's attention."""
        kinds = {"sinusoid": SinusoidSelfAttention, "learned": LearnedSelfAttention}
        return kinds[self.options.relative_positions](self, name)


def sinusoids(rows: int, width: int) -> NDArray[np.float32]:
    """(rows, width): row p holds sin(p / 10000^(2i / width)) in column 2i and its cosine in column 2i + 1.

    Row p stands for the distance p - rows // 2: the published code counts rows from the least distance on.
    """
    columns = np.arange(width)
    angles = np.arange(rows)[:, None] / 10000.0 ** (columns // 2 * 2 / width)
    return np.where(columns % 2 == 0, np.sin(angles), np.cos(angles)).astype(np.float32)
