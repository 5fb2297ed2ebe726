"""Whose names the tensors of a file have."""

from __future__ import annotations

from collections.abc import Collection

from . import google, huggingface, modelzoo
from .table import NameTable, find

TABLES = (*huggingface.TABLES, *google.TABLES, *modelzoo.TABLES)


def recognise(names: Collection[str]) -> NameTable | None:
    """The table for a file with these names; None where they are those of no BERT that is known."""
    return find(TABLES, names)
