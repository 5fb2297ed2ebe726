"""Which records each of several readers reads in an epoch: arithmetic on the seed, the epoch and the reader."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bert_core.permutations import epoch_random, permuted


@dataclass(frozen=True, kw_only=True)
class Shards:
    """The records of each epoch, dealt out to readers in turn.

    The record at a place of an epoch's order is read by reader `place % readers`: at any moment the readers together
    have read the same records, however many they are, and going on from a place is arithmetic. Every record is read
    once in an epoch. Where the records do not share out evenly, the first readers read one more than the others,
    unless the remainder is dropped.

    Args:
        records: How many there are.
        readers: How many read.
        seed: Any whole number.
        shuffle: False keeps the order of the files. The order of 100 million records takes 2.4 GB while it is made.
        drop_remainder: Leave the last records of each epoch's order out, fewer than there are readers, so that all
            read as many.
    """

    records: int
    readers: int = 1
    seed: int = 0
    shuffle: bool = True
    drop_remainder: bool = False

    def __post_init__(self) -> None:
        if self.readers < 1 or self.records < 0:
            raise ValueError(f"{self.records} records cannot be dealt out to {self.readers} readers")

    def order(self, epoch: int) -> NDArray[np.int64]:
        """All records in the order of an epoch, counted from 0: (records,)."""
        everything = np.arange(self.records)
        return permuted(everything, epoch_random(self.seed, epoch)) if self.shuffle else everything

    def of(self, reader: int, epoch: int) -> NDArray[np.int64]:
        """The records that a reader, counted from 0, reads in an epoch, in order: (size(reader),)."""
        return self.order(epoch)[self._reader(reader) :: self.readers][: self.size(reader)]

    def size(self, reader: int) -> int:
        """How many records a reader reads in each epoch."""
        each, over = divmod(self.records, self.readers)
        return each + (self._reader(reader) < over and not self.drop_remainder)

    def _reader(self, reader: int) -> int:
        if not 0 <= reader < self.readers:
            raise ValueError(f"there is no reader {reader}; the {self.readers} readers are counted from 0")
        return reader
