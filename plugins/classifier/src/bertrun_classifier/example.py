"""One text, or two, and what an annotator said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

Label = str | float | tuple[str, ...]
Pieces = tuple[tuple[int, ...], tuple[int, ...] | None]


@dataclass(frozen=True)
class Example:
    """What a classifier reads and should say.

    Args:
        text: The text; never empty.
        pair: The second text, where the set has pairs.
        label: The name of the class, or the score where the set has scores, or the names of any number of classes;
            None where nobody said, as in test files.
        where: The file and the line, `FILE:LINE`, for messages.
        pieces: The piece ids of both texts, where they come from records.
    """

    text: str
    pair: str | None = None
    label: Label | None = None
    where: str = ""
    pieces: Pieces | None = None


def describe(examples: Iterable[Example]) -> str:
    """One line about examples: how many, how many pairs, and how often each class or from where to where the scores."""
    number = pairs = sets = 0
    labels: Counter[str] = Counter()
    scores: list[float] = []
    for example in examples:
        number += 1
        pairs += example.pair is not None
        if isinstance(example.label, str):
            labels[example.label] += 1
        elif isinstance(example.label, tuple):
            labels.update(example.label)
            sets += 1
        elif example.label is not None:
            scores.append(example.label)
    counted = f"{number:,} {'pair' if pairs and pairs == number else 'example'}{'' if number == 1 else 's'}"
    bare = number - (sets or labels.total()) - len(scores)
    rest = f"; {bare:,} without a label" if bare and bare < number else ""
    if scores:
        return f"{counted}, scores from {min(scores):g} to {max(scores):g}{rest}"
    if not labels:
        return f"{counted} without a label"
    largest_first = sorted(labels.items(), key=lambda item: (-item[1], item[0]))
    return f"{counted} ({', '.join(f'{name} {count:,}' for name, count in largest_first)}){rest}"
