"""Sums over the processes of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops
from numpy.typing import NDArray

from bert_core.interrupt import ctrl_c_later

MOST = 1 << 22  # numbers in one message: 16 MiB


class Kept(nn.Cell):  # type: ignore[misc]
    """The tensors of a process that is alone, or whose sums are taken elsewhere."""

    def construct(self, tensors: Any) -> Any:
        """The same."""
        return tensors


class Reduced(nn.Cell):  # type: ignore[misc]
    """Tensors added up over all processes, many in one message: each costs milliseconds, however small.

    Args:
        sizes: How many numbers each tensor has.
        most: Numbers in a message, where there are several tensors in it.
    """

    def __init__(self, sizes: Sequence[int], most: int = MOST) -> None:
        super().__init__()
        self.buckets = tuple(buckets(sizes, most))
        self.all_reduce = ops.AllReduce()
        self.flat = ops.Reshape()
        self.join = ops.Concat()
        self.each = ops.HyperMap()

    def construct(self, tensors: Any) -> Any:
        """The sums, of the same shapes."""
        flat = self.each(ops.partial(flattened, self.flat), tensors)
        sums: Any = ()
        for first, last, begins, ends in self.buckets:
            whole = self.all_reduce(self.join(flat[first:last]))
            sums += self.each(ops.partial(cut, whole), tensors[first:last], begins, ends)
        return sums


def buckets(sizes: Sequence[int], most: int) -> Iterator[tuple[int, int, tuple[int, ...], tuple[int, ...]]]:
    """Neighbouring tensors that go into a message: the first, the one after the last, where each begins and ends."""
    first = 0
    while first < len(sizes):
        last = first + 1
        while last < len(sizes) and sum(sizes[first : last + 1]) <= most:
            last += 1
        ends = tuple(accumulate(sizes[first:last]))
        yield first, last, (0, *ends[:-1]), ends
        first = last


def flattened(reshape: Any, tensor: Any) -> Any:
    """A tensor as a row."""
    return reshape(tensor, (-1,))


def cut(whole: Any, tensor: Any, begin: int, end: int) -> Any:
    """A part of a row, in the shape of a tensor."""
    return whole[begin:end].reshape(tensor.shape)


class Total(nn.Cell):  # type: ignore[misc]
    """One tensor, added up over all processes."""

    def __init__(self) -> None:
        super().__init__()
        self.all_reduce = ops.AllReduce()

    def construct(self, values: Any) -> Any:
        """The sum, of the same shape."""
        return self.all_reduce(values)


class Sum:
    """Adds up rows of numbers of any length, the same in every process."""

    def __init__(self) -> None:
        self._cell = Total()
        self._cell.set_inputs(Tensor(shape=[None], dtype=ms.float32))

    def of(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """The sum over all processes, (n,) float32; `values` are this one's."""
        parts = [values[begin : begin + MOST] for begin in range(0, len(values), MOST)]
        with ctrl_c_later():
            return np.concatenate([self._cell(Tensor(part)).asnumpy() for part in parts])
