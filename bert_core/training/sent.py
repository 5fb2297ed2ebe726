"""What one process of a run has and all others get."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mindspore import Parameter, ParameterTuple, Tensor, nn, ops
from numpy.typing import NDArray

from bert_core.interrupt import ctrl_c_later

from .sums import MOST, buckets, cut, flattened

_CHUNK = 1 << 18  # numbers in a message of `Sent`: 1 MiB


class Message(nn.Cell):  # type: ignore[misc]
    """Some parameters of one process, in one message.

    Args:
        parameters: What every process has.
        owner: Whose values the others take.
    """

    def __init__(self, parameters: Sequence[Parameter], owner: int) -> None:
        super().__init__()
        self.parameters = ParameterTuple(parameters)
        _, _, begins, ends = next(buckets([p.size for p in parameters], sum(p.size for p in parameters)))
        self.begins, self.ends = begins, ends
        self.broadcast = ops.Broadcast(owner)
        self.flat = ops.Reshape()
        self.join = ops.Concat()
        self.assign = ops.Assign()
        self.each = ops.HyperMap()

    def construct(self, after: Any) -> Any:
        """What it is given, after which the message goes."""
        flat = self.each(ops.partial(flattened, self.flat), self.parameters)
        (whole,) = self.broadcast((ops.depend(self.join(flat), after),))
        values = self.each(ops.partial(cut, whole), self.parameters, self.begins, self.ends)
        return ops.depend(after, self.each(self.assign, self.parameters, values))


class Spread(nn.Cell):  # type: ignore[misc]
    """Gives every parameter, in all processes, the value that its owner has.

    A graph of its own, the same in every process, so that all send the same messages in the same order.

    Args:
        parameters: All that are updated.
        owners: The process of each.
        most: Numbers in a message, where there are several parameters in it.
    """

    def __init__(self, parameters: Sequence[Parameter], owners: Sequence[int], most: int = MOST) -> None:
        super().__init__()
        messages = []
        for owner in sorted(set(owners)):
            theirs = [parameter for parameter, of in zip(parameters, owners, strict=True) if of == owner]
            for first, last, *_ in buckets([p.size for p in theirs], most):
                messages.append(Message(theirs[first:last], owner))
        self.messages = nn.CellList(messages, auto_prefix=False)

    def construct(self, after: Any) -> Any:
        """What it is given."""
        for message in self.messages:
            after = message(after)
        return after


class _Chunk(nn.Cell):  # type: ignore[misc]
    """A row of numbers, of one length: the operator wants to know it beforehand."""

    def __init__(self, owner: int) -> None:
        super().__init__()
        self.broadcast = ops.Broadcast(owner)

    def construct(self, values: Any) -> Any:
        return self.broadcast((values,))[0]


class Sent:
    """Gives all processes what one of them has, byte for byte.

    Args:
        owner: That one.
    """

    def __init__(self, owner: int) -> None:
        self._cell = _Chunk(owner)

    def of(self, content: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The owner's bytes; the others give as many of their own."""
        count = -(-content.size // (4 * _CHUNK))
        padded = np.zeros(4 * _CHUNK * count, np.uint8)
        padded[: content.size] = content
        with ctrl_c_later():
            for row in padded.view(np.float32).reshape(count, _CHUNK):
                row[:] = self._cell(Tensor(row)).asnumpy()
        return padded[: content.size]
