"""Which process keeps the optimizer's state of which parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from bert_core.errors import UsageError
from bert_core.types import ParameterGroup

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class Shares:
    """Parameters shared out among the processes of a run, each with one owner who updates it for all.

    Rajbhandari et al. 2020, "ZeRO", section 5.1 (the optimizer's state alone), with whole parameters instead of equal
    parts of them: optimizers may measure a parameter, and its update is the same computation as without sharing.

    Args:
        owners: The process of each parameter, in the groups' order.
        rank: This process.
    """

    owners: tuple[int, ...]
    rank: int

    @classmethod
    def of(cls, groups: Sequence[ParameterGroup], *, rank: int, size: int) -> Shares:
        """The longest parameters first, each for the process that has the fewest numbers so far.

        Raises:
            UsageError: There are fewer parameters than processes.
        """
        sizes = [parameter.size for group in groups for parameter in group.parameters]
        if len(sizes) < size:
            what = f"{len(sizes)} trained parameters cannot be shared out among {size} processes"
            raise UsageError(what, hint="Leave out --shard-optimizer")
        return cls(owners=tuple(owners(sizes, size)), rank=rank)

    def own(self, items: Sequence[Item]) -> list[Item]:
        """Those of this process, of one thing for each parameter."""
        return [item for item, owner in zip(items, self.owners, strict=True) if owner == self.rank]

    def groups(self, groups: Sequence[ParameterGroup]) -> list[ParameterGroup]:
        """The groups of this process's parameters, in the same order."""
        mine = {id(parameter) for parameter in self.own([p for group in groups for p in group.parameters])}
        kept = [([p for p in group.parameters if id(p) in mine], group) for group in groups]
        return [
            ParameterGroup(parameters=members, weight_decay=group.weight_decay, rate=group.rate)
            for members, group in kept
            if members
        ]


def owners(sizes: Sequence[int], count: int) -> list[int]:
    """For each size one of `count` processes, so that their sums are alike; the same for the same sizes."""
    totals, found = [0] * count, [0] * len(sizes)
    for place in sorted(range(len(sizes)), key=lambda place: (-sizes[place], place)):
        owner = min(range(count), key=lambda rank: (totals[rank], rank))
        totals[owner] += sizes[place]
        found[place] = owner
    return found
