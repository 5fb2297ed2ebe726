"""What an optimizer keeps between updates, whole in each process or shared out among them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mindspore import Parameter
from numpy.typing import NDArray

from bert_core.errors import UsageError

from .ranks import Ranks
from .saving import copied, read_parameters
from .sums import buckets

_MOST = 1 << 24  # bytes that are sent together
Shapes = Mapping[str, tuple[tuple[int, ...], str]]


class OptimizerState:
    """The state of an optimizer; checkpoints have the whole of it, whoever keeps which part.

    Args:
        own: What this process keeps, by name.
        ranks: The processes of the run.
        shared: Whether each of them keeps a part.
    """

    def __init__(self, own: Mapping[str, Parameter], ranks: Ranks, *, shared: bool) -> None:
        self.own, self.shared = own, shared
        self._ranks = ranks
        self._parts: list[Shapes] | None = None

    def read(self, path: Path) -> None:
        """Set what this process keeps to what was written; all processes must ask.

        Raises:
            CheckpointError: The file has other names or shapes than all of them keep together.
        """
        read_parameters(path, self.own, {name: shape for part in self._all() for name, (shape, _) in part.items()})

    def collected(self) -> dict[str, NDArray[Any]]:
        """A copy of the whole for the process that leads, nothing for the others; all processes must ask."""
        if not self.shared:
            return copied(self.own) if self._ranks.leads else {}
        from .sent import Sent

        found: dict[str, NDArray[Any]] = {}
        for owner, part in enumerate(self._all()):
            sent = Sent(owner)
            names = list(part)
            sizes = [_bytes_of(part[name]) for name in names]
            for first, last, begins, ends in buckets(sizes, _MOST):
                with self._ranks.answered():
                    content = sent.of(self._content(owner, names[first:last], ends[-1]))
                if self._ranks.leads:
                    for name, begin, end in zip(names[first:last], begins, ends, strict=True):
                        shape, dtype = part[name]
                        found[name] = content[begin:end].copy().view(dtype).reshape(shape)
        return found

    def _content(self, owner: int, names: list[str], size: int) -> NDArray[np.uint8]:
        """The bytes of parameters in a row, and zeros where others have them."""
        if owner != self._ranks.rank:
            return np.zeros(size, np.uint8)
        return np.concatenate([self.own[name].asnumpy().reshape(-1).view(np.uint8) for name in names])

    def _all(self) -> list[Shapes]:
        """Shapes and types of what each process keeps; what several have counts as the first one's.

        Raises:
            UsageError: They have different things under one name.
        """
        if self._parts is None:
            mine = {name: (tuple(p.shape), str(p.asnumpy().dtype)) for name, p in self.own.items()}
            known: dict[str, tuple[tuple[int, ...], str]] = {}
            self._parts = []
            for part in self._ranks.gathered(mine) if self.shared else [mine]:
                if odd := [name for name in part if known.get(name, part[name]) != part[name]]:
                    what = f"this optimizer's {odd[0]} is not of one parameter, so it cannot be shared out"
                    raise UsageError(what, hint="Leave out --shard-optimizer")
                self._parts.append({name: kind for name, kind in part.items() if name not in known})
                known.update(part)
        return self._parts


def _bytes_of(kind: tuple[tuple[int, ...], str]) -> int:
    shape, dtype = kind
    return int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
