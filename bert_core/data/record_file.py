"""What every kind of record file can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from bert_core.data.columns import Column, Row


class RecordFile(Protocol):
    """One file of records, open in no process until it reads."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def columns(self) -> Mapping[str, Column]:
        """The columns of each record, by our names."""

    @property
    def stored(self) -> Mapping[str, str]:
        """For each name of ours, the name that the file has."""

    @property
    def damaged(self) -> Sequence[int]:
        """Numbers of the records, from 0, that are known not to be what was written."""

    def __len__(self) -> int:
        """How many records it has, damaged ones too."""

    def read_many(self, numbers: Sequence[int]) -> list[Row]:
        """Records by their numbers, from 0.

        Raises:
            DataError: One of them is damaged, with its place.
        """

    def where(self, number: int) -> str:
        """The file, the record's number counted from 1, and the byte at which it starts."""
