"""The processes that make a run together, and what they tell one another."""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bert_core.errors import RankLostError, UsageError
from bert_core.heartbeat import beat

Item = TypeVar("Item")
ROLE, WORKER = "MS_ROLE", "MS_WORKER"
_COLLECTIVE = re.compile("AllReduce|AllGather|ReduceScatter|Broadcast|Barrier")  # named by what MindSpore raises


class Ranks:
    """This process among those of its run: one that is alone is number 0 of 1.

    Args:
        rank: Its number.
        size: How many there are.
        device: The number of its device on this machine.

    Attributes:
        alone: Whether there are no others.
        leads: Whether it is the one that writes and speaks for all.
    """

    def __init__(self, rank: int = 0, size: int = 1, device: int = 0) -> None:
        self.rank, self.size, self.device = rank, size, device
        self.alone = size == 1
        self.leads = rank == 0
        self._sum: Any = None

    @classmethod
    def of(cls, environment: Mapping[str, str] | None = None) -> Ranks:
        """What MindSpore's variables say, which `bertrun launch` and `msrun` set.

        Raises:
            UsageError: One that is needed is missing or says no number.
        """
        variables = os.environ if environment is None else environment
        if variables.get(ROLE) != WORKER:
            return cls()
        names = {"MS_NODE_ID" if "MS_NODE_ID" in variables else "RANK_ID": 0, "MS_WORKER_NUM": 1}
        rank, size = (_number(variables, name) for name in names)
        device = _number(variables, "DEVICE_ID") if "DEVICE_ID" in variables else 0
        return cls(rank, size, device)

    def join(self, collective: str | None) -> None:
        """Meet the others in MindSpore's cluster; the device is ready. A process that nobody launched meets nobody.

        Args:
            collective: The library over which the device speaks, by MindSpore's name.

        Raises:
            UsageError: There is none.
        """
        if os.environ.get(ROLE) != WORKER or self._sum is not None:
            return
        if collective is None:
            raise UsageError("this device computes alone, and this is one of several processes", hint="Start one")
        from mindspore.communication import get_rank, init

        from .sums import Sum

        with self.met():
            init(collective)
        self.rank = get_rank()
        self.leads = self.rank == 0
        self._sum = Sum()

    @contextmanager
    def met(self) -> Iterator[None]:
        """While the processes look for one another.

        Raises:
            RankLostError: Not all of them came in time.
        """
        beat()
        began = time.monotonic()
        try:
            yield
        except RuntimeError:
            what = f"not all {self.size} processes met within {time.monotonic() - began:.0f} s"
            hint = "Start the missing ones sooner, or wait longer with `bertrun launch --timeout`"
            raise RankLostError(what, hint=hint) from None

    @contextmanager
    def answered(self) -> Iterator[None]:
        """While this process needs the others, of which one may be gone.

        Raises:
            RankLostError: MindSpore has given up waiting for them.
        """
        beat()  # whoever has not come so far has an older one
        began = time.monotonic()
        try:
            yield
        except RuntimeError as error:
            if self.alone or not _COLLECTIVE.search(str(error)):
                raise
            what = f"rank {self.rank} waited {time.monotonic() - began:.0f} s for another process, which did not answer"
            raise RankLostError(what) from None

    def share(self, items: Sequence[Item] | NDArray[Any]) -> Any:
        """This process's part of a row of things: neighbours, as many as the others have, or one more or less."""
        cuts = [len(items) * number // self.size for number in range(self.size + 1)]
        return items[cuts[self.rank] : cuts[self.rank + 1]]

    def gathered(self, value: Item) -> list[Item]:
        """The value of every process, by rank; all of them must ask.

        MindSpore's CPU collectives have a sum of float32 alone, so each process puts its bytes, two in a number,
        where the others have zeros.
        """
        if self.alone:
            return [value]
        content = pickle.dumps(value)
        own = np.frombuffer(content + b"\0" * (len(content) % 2), np.uint16)
        with self.answered():
            sizes = self._sum.of(self._placed(np.array([len(content)], np.float32), [1] * self.size))
            lengths = [(int(size) + 1) // 2 for size in sizes]
            whole = self._sum.of(self._placed(own.astype(np.float32), lengths)).astype(np.uint16)
        parts = np.split(whole, np.cumsum(lengths)[:-1])
        return [pickle.loads(part.tobytes()) for part in parts]  # noqa: S301 - what the processes of this run wrote

    def meet(self) -> None:
        """Wait for the others."""
        self.gathered(None)

    def check_same(self, what: str, content: bytes) -> None:
        """Refuse to go on where the processes differ.

        Raises:
            UsageError: They do.
        """
        digests = self.gathered(hashlib.sha256(content).hexdigest())
        other = next((rank for rank, digest in enumerate(digests) if digest != digests[0]), None)
        if other is not None:
            hint = "Start all of them with the same command, files and versions"
            raise UsageError(f"ranks 0 and {other} begin with different {what}", hint=hint)

    def _placed(self, own: NDArray[np.float32], lengths: Sequence[int]) -> NDArray[np.float32]:
        """Zeros for all, with one's own where one's own belongs."""
        whole = np.zeros(sum(lengths), np.float32)
        begin = sum(lengths[: self.rank])
        whole[begin : begin + len(own)] = own
        return whole


def _number(variables: Mapping[str, str], name: str) -> int:
    value = variables.get(name, "")
    if not value.isdecimal():
        said = f"is {value!r}, not a number" if value else "is not set"
        raise UsageError(f"{ROLE} says that this is one of several processes, and the variable {name} {said}")
    return int(value)
