"""The best path through a chain of labels, and how sure it is: NumPy, over a batch at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Allowed(NamedTuple):
    """What a decoded path may do: boolean `transitions` (labels, labels) [from, to], `start` and `end` (labels,)."""

    transitions: NDArray[np.bool_]
    start: NDArray[np.bool_]
    end: NDArray[np.bool_]


def viterbi_decode(
    emissions: ArrayLike,
    mask: ArrayLike,
    transitions: ArrayLike,
    start: ArrayLike,
    end: ArrayLike,
    allowed: Allowed | None = None,
) -> tuple[list[NDArray[np.int64]], NDArray[np.float64]]:
    """Find each sequence's best path (Viterbi; Rabiner 1989, section III.B).

    Args:
        emissions: (batch, length, labels).
        mask: (batch, length), ones and then zeros.
        transitions: (labels, labels) [from, to].
        start: (labels,).
        end: (labels,).
        allowed: What a path may do; None allows everything.

    Returns:
        A path of as many labels as its mask has ones for each sequence, and the paths' scores (batch,).

    Raises:
        ValueError: A mask is not ones and then zeros, or no path is allowed.
    """
    scores, kept, pairs, first, final = _score_tables(emissions, mask, transitions, start, end, allowed)
    batch, length, _ = scores.shape
    best = first + scores[:, 0]
    came_from = np.zeros(scores.shape, np.int64)
    for t in range(1, length):
        candidates = best[:, :, None] + pairs  # (batch, from, to)
        came_from[:, t] = candidates.argmax(1)
        best = np.where(kept[:, t, None], candidates.max(1) + scores[:, t], best)
    best = best + final
    label, rows = best.argmax(1), np.arange(batch)
    totals: NDArray[np.float64] = best[rows, label]
    _require_paths(totals)
    paths = np.zeros((batch, length), np.int64)
    for t in range(length - 1, -1, -1):
        paths[:, t] = label
        label = np.where(kept[:, t], came_from[rows, t, label], label)
    return [path[:size] for path, size in zip(paths, kept.sum(1), strict=True)], totals


def path_marginals(
    emissions: ArrayLike,
    mask: ArrayLike,
    transitions: ArrayLike,
    start: ArrayLike,
    end: ArrayLike,
    paths: list[NDArray[np.int64]],
    allowed: Allowed | None = None,
) -> list[NDArray[np.float64]]:
    """Posterior probability of every label on the given paths (forward-backward; Rabiner 1989, section III.A).

    Args: as `viterbi_decode`, and `paths`, as it returns them. With `allowed` the probabilities are those among the
    allowed paths only, which is what a decoded label competed with.

    Returns:
        For each path, a probability for each of its labels.

    Raises:
        ValueError: A mask is not ones and then zeros, or no path is allowed.
    """
    scores, kept, pairs, first, final = _score_tables(emissions, mask, transitions, start, end, allowed)
    forward, backward = np.empty_like(scores), np.empty_like(scores)
    forward[:, 0], backward[:, -1] = first + scores[:, 0], final
    for t in range(1, scores.shape[1]):
        forward[:, t] = _log_sum(forward[:, t - 1, :, None] + pairs, 1) + scores[:, t]
    for t in range(scores.shape[1] - 2, -1, -1):
        onward = _log_sum((scores[:, t + 1] + backward[:, t + 1])[:, None] + pairs, 2)
        backward[:, t] = np.where(kept[:, t + 1, None], onward, final)
    joint = forward + backward
    total = _log_sum(joint, 2)
    _require_paths(total[:, 0])
    return [np.exp(joint[row, np.arange(path.size), path] - total[row, : path.size]) for row, path in enumerate(paths)]


def _score_tables(
    emissions: ArrayLike,
    mask: ArrayLike,
    transitions: ArrayLike,
    start: ArrayLike,
    end: ArrayLike,
    allowed: Allowed | None,
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Everything in float64, padding zeroed and what is not allowed at minus infinity."""
    kept = np.asarray(mask).astype(np.bool_)
    if not kept[:, 0].all() or (kept[:, 1:] > kept[:, :-1]).any():
        row = int(np.argmax(~kept[:, 0] | (kept[:, 1:] > kept[:, :-1]).any(1)))
        raise ValueError(f"The mask of sequence {row} is not ones, at least one, and then zeros")
    scores = np.where(kept[:, :, None], np.asarray(emissions, np.float64), 0.0)
    tables = [np.asarray(table, np.float64) for table in (transitions, start, end)]
    if allowed is not None:
        tables = [np.where(permit, table, -np.inf) for permit, table in zip(allowed, tables, strict=True)]
    return scores, kept, tables[0], tables[1], tables[2]


def _log_sum(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    top = np.maximum(values.max(axis, keepdims=True), np.finfo(np.float64).min)  # all -inf must not become NaN
    with np.errstate(divide="ignore"):
        total: NDArray[np.float64] = np.log(np.exp(values - top).sum(axis)) + np.squeeze(top, axis)
    return total


def _require_paths(scores: NDArray[np.float64]) -> None:
    if np.isneginf(scores).any():
        raise ValueError(f"No path through sequence {int(np.isneginf(scores).argmax())} is allowed")
