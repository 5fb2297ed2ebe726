"""A table of names: what another world calls each tensor beside what it is called here, read in both directions.

A name has `{i}` where the number of a layer stands. A row is exact: nothing is guessed, no prefix is tried.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from .change import SAME, Change

Row = tuple[str, str | tuple[str, ...]]

WORDS = "bert.embeddings.word_embeddings.weight"
# What every BERT has, whatever its positions and its head; enough to know whose names a file has.
TELLS = (WORDS, "bert.embeddings.token_type_embeddings.weight", "bert.embeddings.LayerNorm.weight")
_LAYER = "{i}"
_NUMBER = re.compile(r"(?<=[._])(?:0|[1-9][0-9]{0,2})(?=[./])")


@dataclass(frozen=True)
class Link:
    """One tensor of the other world, and what it is here.

    Args:
        foreign: Its name there.
        ours: The names of what it is here; more than one where the change cuts it into parts.
        change: How its values become ours.
    """

    foreign: str
    ours: tuple[str, ...]
    change: Change


@dataclass(frozen=True)
class Dropped:
    """Names that are known and left aside.

    Args:
        pattern: A regular expression of the whole name.
        reason: What they are.
        copy_of: Our name of the tensor that it must equal.
    """

    pattern: str
    reason: str
    copy_of: str | None = None


@dataclass(frozen=True)
class Translation:
    """What becomes of a set of names.

    Args:
        links: The tensors that have a row.
        dropped: Names that are left aside, and why.
        unknown: Names that the table says nothing of.
    """

    links: tuple[Link, ...]
    dropped: Mapping[str, Dropped]
    unknown: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class NameTable:
    """The names of one world.

    Args:
        name: Whose names they are, for messages.
        rows: The name there, and the name here or, where one tensor there is several here, all of theirs.
        changes: How values differ, by the name there; where nothing is said, they are the same.
        dropped: What is left aside.
        tells: Our names, beyond those of every BERT, of tensors that files of this table have.
        notes: A sentence for each thing that a user who reads or writes such a file should know.
    """

    name: str
    rows: tuple[Row, ...]
    changes: Mapping[str, Change] = field(default_factory=dict)
    dropped: tuple[Dropped, ...] = ()
    tells: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        there = [foreign for foreign, _ in self.rows]
        here = [name for _, ours in self.rows for name in _names(ours)]
        for names in (there, here):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"the table {self.name!r} has {twice} twice")

    def ours(self, foreign: str) -> Link | None:
        """What a tensor of the other world is here; None where there is no row for it."""
        return self._link(self._by_foreign, foreign)

    def foreign(self, ours: str) -> Link | None:
        """What a tensor of ours is there; None where there is no row for it."""
        return self._link(self._by_ours, ours)

    def translate(self, foreign: Iterable[str]) -> Translation:
        """What the names of a file of the other world are here."""
        links, dropped, unknown = [], {}, []
        for name in foreign:
            if link := self.ours(name):
                links.append(link)
            elif reason := self._reason(name):
                dropped[name] = reason
            else:
                unknown.append(name)
        return Translation(tuple(links), dropped, tuple(unknown))

    def translate_back(self, ours: Collection[str]) -> Translation:
        """What names of ours are in the other world; the parts of a tensor are unknown where one is missing."""
        links: dict[str, Link] = {}
        unknown, there = [], set(ours)
        for name in ours:
            link = self.foreign(name)
            if link is None or not there.issuperset(link.ours):
                unknown.append(name)
            else:
                links[link.foreign] = link
        return Translation(tuple(links.values()), {}, tuple(unknown))

    def fits(self, foreign: Collection[str]) -> bool:
        """Whether a file that has these names has the names of this table."""
        links = (self.foreign(name) for name in (*TELLS, *self.tells))
        return all(link is not None and link.foreign in foreign for link in links)

    def fits_ours(self, ours: Collection[str]) -> bool:
        """Whether what has these names of ours has what a file of this table has."""
        return set(ours).issuperset((*TELLS, *self.tells))

    @cached_property
    def _by_foreign(self) -> Mapping[str, Row]:
        return {row[0]: row for row in self.rows}

    @cached_property
    def _by_ours(self) -> Mapping[str, Row]:
        return {name: row for row in self.rows for name in _names(row[1])}

    @cached_property
    def _patterns(self) -> tuple[tuple[re.Pattern[str], Dropped], ...]:
        return tuple((re.compile(dropped.pattern), dropped) for dropped in self.dropped)

    def _link(self, rows: Mapping[str, Row], name: str) -> Link | None:
        if _LAYER in name:  # a name with a number was meant
            return None
        row, layer = rows.get(name), ""
        if row is None:
            pattern, layer = _without_layer(name)
            row = rows.get(pattern)
        if row is None:
            return None
        foreign, ours = row
        numbered = tuple(part.replace(_LAYER, layer) for part in _names(ours))
        return Link(foreign.replace(_LAYER, layer), numbered, self.changes.get(foreign, SAME))

    def _reason(self, name: str) -> Dropped | None:
        return next((dropped for pattern, dropped in self._patterns if pattern.fullmatch(name)), None)


def find(tables: Iterable[NameTable], foreign: Collection[str]) -> NameTable | None:
    """The first table that fits the names of a file."""
    return next((table for table in tables if table.fits(foreign)), None)


def _names(ours: str | tuple[str, ...]) -> tuple[str, ...]:
    return (ours,) if isinstance(ours, str) else ours


def _without_layer(name: str) -> tuple[str, str]:
    """A name with `{i}` for its first number, and the number; the name itself where it has none."""
    found = _NUMBER.search(name)
    return (name[: found.start()] + _LAYER + name[found.end() :], found[0]) if found else (name, "")
