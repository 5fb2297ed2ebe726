"""Sums over the processes of a run."""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops
from numpy.typing import NDArray

from bert_core.interrupt import ctrl_c_later

_MOST = 1 << 22  # numbers in one message


class _Sum(nn.Cell):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.all_reduce = ops.AllReduce()

    def construct(self, values: Any) -> Any:
        """The sum, of the same shape."""
        return self.all_reduce(values)


class Sum:
    """Adds up rows of numbers of any length, the same in every process."""

    def __init__(self) -> None:
        self._cell = _Sum()
        self._cell.set_inputs(Tensor(shape=[None], dtype=ms.float32))

    def of(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """The sum over all processes, (n,) float32; `values` are this one's."""
        parts = [values[begin : begin + _MOST] for begin in range(0, len(values), _MOST)]
        with ctrl_c_later():
            return np.concatenate([self._cell(Tensor(part)).asnumpy() for part in parts])
