"""An archive under our names, whatever the names in its file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from bert_core.errors import CheckpointError
from bert_core.weights.archive import Archive, Stored

from .change import ChangeError
from .table import Link, NameTable


class Translated:
    """The tensors of an archive that a table has rows for, under our names and with our shapes and values.

    Args:
        archive: What is stored.
        table: Whose names it has.

    Attributes:
        path: The file that messages name.
        tensors: What there is, by our names.
        translation: What became of every stored name.

    Raises:
        CheckpointError: A tensor has a shape that cannot become ours.
    """

    def __init__(self, archive: Archive, table: NameTable) -> None:
        self.path: Path = archive.path
        self.translation = table.translate(archive.tensors)
        self._archive = archive
        self._links = {name: link for link in self.translation.links for name in link.ours}
        described: dict[str, Stored] = {}
        for link in self.translation.links:
            described.update(self._described(link))
        self.tensors: Mapping[str, Stored] = MappingProxyType(described)

    def read(self, name: str) -> NDArray[np.float32]:
        """One tensor by our name.

        Raises:
            CheckpointError: It cannot be read, or its values cannot become ours.
        """
        link = self._links[name]
        stored = self._archive.read(link.foreign)
        try:
            return link.change.to_ours(stored)[link.ours.index(name)]
        except ChangeError as error:
            raise self._error(link, error) from None

    def check_copies(self) -> None:
        """Compare what was left aside as a copy with what it is a copy of.

        Raises:
            CheckpointError: They differ.
        """
        for name, dropped in self.translation.dropped.items():
            ours = dropped.copy_of
            if ours is None or ours not in self.tensors:
                continue
            if not np.array_equal(self._archive.read(name), self.read(ours)):
                what = f"the tensor {name!r} should repeat {self._links[ours].foreign!r}, and they differ"
                raise CheckpointError(what, where=self.path, hint="bertrun has one matrix for both: tie them and save")

    def _described(self, link: Link) -> Mapping[str, Stored]:
        stored = self._archive.tensors[link.foreign]
        try:
            shapes = link.change.shapes(stored.shape)
        except ChangeError as error:
            raise self._error(link, error) from None
        return {name: Stored(stored.dtype, shape) for name, shape in zip(link.ours, shapes, strict=True)}

    def _error(self, link: Link, error: ChangeError) -> CheckpointError:
        return CheckpointError(f"the tensor {link.foreign!r} ({link.change.name}): {error}", where=self.path)
