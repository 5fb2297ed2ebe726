"""Weights in several files, each a shard that an index names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from bert_core.errors import CheckpointError
from bert_core.weights.archive import Archive, Stored

from .safetensors_file import SafetensorsFile
from .shard_index import ShardIndex
from .torch_pickle import TorchPickle


class Sharded:
    """The tensors of all shards.

    Attributes:
        path: The index.
        files: It and the shards.
        tensors: What the shards say of each tensor, by name.
    """

    def __init__(self, index: Path, open_shard: Callable[[Path], Archive]) -> None:
        """Read the index and what each shard says of its tensors; no tensor is read.

        Args:
            index: The index.
            open_shard: What opens one shard.

        Raises:
            CheckpointError: A file is missing or damaged, or the index and the shards name different tensors.
        """
        self.path = index
        self._files = ShardIndex(index).files
        self._shards: dict[Path, Archive] = {}
        for path, names in _by_file(self._files).items():
            self._shards[path] = open_shard(path)
            _compare(index, path, names, self._shards[path].tensors)
        self.files = (index, *self._shards)
        stored = {name: self._shards[path].tensors[name] for name, path in self._files.items()}
        self.tensors: Mapping[str, Stored] = MappingProxyType(stored)

    def read(self, name: str) -> NDArray[np.float32]:
        """One tensor; half, double and bfloat16 numbers become float32.

        Raises:
            CheckpointError: It holds no floating-point numbers, or its bytes are not what was written.
        """
        return self._shards[self._files[name]].read(name)


class ShardedSafetensors(Sharded):
    """`model.safetensors.index.json` and the safetensors files that it names."""

    def __init__(self, index: Path) -> None:
        """See `Sharded` and `SafetensorsFile`."""
        super().__init__(index, SafetensorsFile)


class ShardedTorchPickle(Sharded):
    """`pytorch_model.bin.index.json` and torch's files that it names."""

    def __init__(self, index: Path) -> None:
        """See `Sharded` and `TorchPickle`."""
        super().__init__(index, TorchPickle)


def _by_file(files: Mapping[str, Path]) -> dict[Path, set[str]]:
    names: dict[Path, set[str]] = defaultdict(set)
    for name, path in files.items():
        names[path].add(name)
    return names


def _compare(index: Path, shard: Path, named: set[str], stored: Mapping[str, Stored]) -> None:
    hint = "The index and its files are not of one model: fetch them again together"
    if missing := sorted(named - stored.keys()):
        raise CheckpointError(f"it lacks {missing[0]!a}, which {index.name} says it holds", where=shard, hint=hint)
    if extra := sorted(stored.keys() - named):
        raise CheckpointError(f"it holds {extra[0]!a}, which {index.name} does not say", where=shard, hint=hint)
