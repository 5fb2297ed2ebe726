"""From the logits of windows to the labels and spans of sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from bert_core import Arrays, Window

from .metrics import Tagging
from .schemes import allowed, recognise, strict_spans, trained
from .sentence import Sentence
from .viterbi import Allowed, path_marginals, viterbi_decode

TOGETHER = 64
CRF = ("crf.transitions", "crf.start_transitions", "crf.end_transitions")


def decode(
    examples: Sequence[Sentence],
    windows: Sequence[Window],
    outputs: Sequence[NDArray[np.float32]],
    parameters: Arrays,
    labels: Sequence[str],
) -> list[Tagging]:
    """The best labels of each sentence that its tag scheme allows, over all of its windows at once.

    Args:
        examples: The sentences.
        windows: Their windows, in order.
        outputs: For each window its logits (words or more, labels).
        parameters: With the CRF's three tables, where there is one.
        labels: Label names by id.
    """
    emissions = _by_sentence(len(examples), windows, outputs, len(labels))
    size = len(labels)
    shapes = ((size, size), (size,), (size,))
    tables = [parameters.get(name, np.zeros(shape, np.float32)) for name, shape in zip(CRF, shapes, strict=True)]
    rules = Allowed(*allowed(labels))
    scheme = trained(recognise([[label] for label in labels]))
    taggings: list[Tagging] = [Tagging(sentence=sentence, tags=(), spans=()) for sentence in examples]
    for rows in _alike([len(scores) for scores in emissions]):
        paths, sure = _best([emissions[row] for row in rows], tables, rules)
        for row, path, certainty in zip(rows, paths, sure, strict=True):
            tags = tuple(labels[label] for label in path)
            spans = strict_spans(tags, scheme)
            scores = tuple(float(certainty[span.start : span.end].min()) for span in spans)
            taggings[row] = Tagging(sentence=examples[row], tags=tags, spans=spans, scores=scores)
    return taggings


def _by_sentence(
    count: int, windows: Sequence[Window], outputs: Sequence[NDArray[np.float32]], labels: int
) -> list[NDArray[np.float32]]:
    """Each sentence's logits, one row a unit, put together from the windows where the units are at home."""
    parts: list[list[NDArray[np.float32]]] = [[] for _ in range(count)]
    for window, logits in zip(windows, outputs, strict=True):
        parts[window.example].append(logits[: window.place])
    return [np.concatenate(part) if part else np.zeros((0, labels), np.float32) for part in parts]


def _alike(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Sentences that have words, in groups of like lengths."""
    rows = sorted((row for row, length in enumerate(lengths) if length), key=lambda row: lengths[row])
    for start in range(0, len(rows), TOGETHER):
        yield rows[start : start + TOGETHER]


def _best(
    emissions: Sequence[NDArray[np.float32]], tables: Sequence[NDArray[np.float32]], rules: Allowed
) -> tuple[list[NDArray[np.int64]], list[NDArray[np.float64]]]:
    lengths = np.array([len(scores) for scores in emissions])
    mask = np.arange(lengths.max()) < lengths[:, None]
    padded = np.zeros((*mask.shape, emissions[0].shape[1]), np.float32)
    for row, scores in enumerate(emissions):
        padded[row, : len(scores)] = scores
    transitions, start, end = tables
    paths, _ = viterbi_decode(padded, mask, transitions, start, end, rules)
    return paths, path_marginals(padded, mask, transitions, start, end, paths, rules)
