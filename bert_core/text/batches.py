"""Windows as padded arrays, and which examples a batch holds: arithmetic on the seed and the step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bert_core.errors import PluginError
from bert_core.permutations import epoch_random, permuted
from bert_core.protocols import LazyWindows
from bert_core.types import Feature, Window

_POOL = 50  # batches: within a pool like lengths come together, and a pool is a random part of the epoch


def pad(windows: Sequence[Window], features: Mapping[str, Feature], *, pad_id: int) -> dict[str, NDArray[Any]]:
    """One array for each input and each feature of a task.

    Args:
        windows: At least one.
        features: How each of the task's features is padded. A ragged one is as long as its longest row,
            at least 1; one that is not ragged has a value, or values of one shape, for each window.
        pad_id: The id of the padding piece.

    Returns:
        `input_ids`, `token_type_ids` and `attention_mask`, (batch, length) int32, and each feature.

    Raises:
        PluginError: A window lacks a feature, or its values do not make an array.
    """
    length = max(len(window.input_ids) for window in windows)
    batch = {
        "input_ids": _filled([window.input_ids for window in windows], length, pad_id, "int32"),
        "token_type_ids": _filled([window.token_type_ids for window in windows], length, 0, "int32"),
        "attention_mask": _filled([np.ones(len(window.input_ids)) for window in windows], length, 0, "int32"),
    }
    for name, feature in features.items():
        batch[name] = _feature(name, feature, windows)
    return batch


def lengths_of(windows: Sequence[Window]) -> NDArray[np.int64]:
    """How many pieces each window has."""
    if isinstance(windows, LazyWindows):
        return np.asarray(windows.lengths, np.int64)
    return np.fromiter((len(window.input_ids) for window in windows), np.int64, len(windows))


def cut(windows: Sequence[Window], rows: NDArray[Any], *, seed: int, epoch: int) -> Sequence[Window]:
    """The windows of a batch; see `LazyWindows.cut`."""
    if isinstance(windows, LazyWindows):
        return windows.cut(rows.tolist(), seed=seed, epoch=epoch)
    return [windows[row] for row in rows]


def _feature(name: str, feature: Feature, windows: Sequence[Window]) -> NDArray[Any]:
    try:
        rows = [window.features[name] for window in windows]
        if feature.ragged:
            return _filled(rows, max(1, *map(len, rows)), feature.padding, feature.dtype)
        return np.asarray(rows, dtype=feature.dtype)
    except KeyError:
        raise PluginError(f"a window of the task has no feature {name!r}, which its `features` declare") from None
    except (TypeError, ValueError) as error:
        kind = "ragged" if feature.ragged else "not ragged"
        raise PluginError(f"the feature {name!r} ({kind}) of a batch does not make an array: {error}") from error


def _filled(rows: Sequence[Any], length: int, padding: float, dtype: str) -> NDArray[Any]:
    array = np.full((len(rows), length), padding, dtype=dtype)
    for place, row in enumerate(rows):
        array[place, : len(row)] = row
    return array


class EpochOrder:
    """Which examples the batches of each epoch hold.

    Every epoch holds each example once. Its order is a function of the seed and the epoch alone.
    """

    def __init__(
        self, lengths: Sequence[int] | NDArray[Any], batch_size: int, seed: int, *, shuffle: bool = True
    ) -> None:
        """Nothing is ordered yet.

        Args:
            lengths: How many pieces each example has.
            batch_size: Examples in a batch; the last batch of an epoch may hold fewer.
            seed: Any whole number.
            shuffle: False keeps the order of the file.
        """
        self._lengths = np.asarray(lengths, dtype=np.int64)
        self._batch_size = batch_size
        self._seed = seed
        self._shuffle = shuffle
        self._cached: tuple[int, list[NDArray[Any]]] | None = None

    def __len__(self) -> int:
        return -(-len(self._lengths) // self._batch_size)

    def at(self, step: int) -> NDArray[Any]:
        """The examples of a step, counted from 0 over all epochs."""
        epoch, place = divmod(step, len(self))
        if self._cached is None or self._cached[0] != epoch:
            self._cached = (epoch, self.batches(epoch))
        return self._cached[1][place]

    def batches(self, epoch: int) -> list[NDArray[Any]]:
        """The examples of each batch of an epoch, counted from 0."""
        everything = np.arange(len(self._lengths))
        if not self._shuffle:
            return _cut(everything, self._batch_size)
        random = epoch_random(self._seed, epoch)
        order = permuted(everything, random)
        whole = len(order) - len(order) % self._batch_size
        pools = _cut(order[:whole], self._batch_size * _POOL)
        by_length = [pool[np.argsort(self._lengths[pool], kind="stable")] for pool in pools]
        batches = _cut(np.concatenate([everything[:0], *by_length]), self._batch_size)
        # The smaller batch is of any length and at any place. Were it cut from the end, it would hold the longest
        # examples of a pool, few and unusual ones, and always come just before an evaluation.
        batches += [order[whole:]] if whole < len(order) else []
        return [batches[place] for place in permuted(np.arange(len(batches)), random)]


def evaluation_order(lengths: Sequence[int] | NDArray[Any], batch_size: int) -> list[NDArray[Any]]:
    """Batches for evaluation, the longest examples first: what does not fit in memory fails at once."""
    return _cut(np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable"), batch_size)


def _cut(values: NDArray[Any], size: int) -> list[NDArray[Any]]:
    return [values[start : start + size] for start in range(0, len(values), size)]
