"""How much each class counts in the loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bert_core import DataError, lines

_HINT = "Write a class and a number above 0 a line, a tab or blanks between them."


def balanced(counts: Sequence[int]) -> tuple[float, ...]:
    """Weights by rarity: n / (classes * count), so that all classes count alike; 1 for a class without an example."""
    present = sum(count > 0 for count in counts)
    return tuple(sum(counts) / (present * count) if count else 1.0 for count in counts)


def balanced_sets(counts: Sequence[int], examples: int) -> tuple[float, ...]:
    """Weights of "yes" where an example has any number of classes: how many have no for each that has yes."""
    return tuple((examples - count) / count if 0 < count < examples else 1.0 for count in counts)


def read_weights(path: Path, labels: Sequence[str]) -> tuple[float, ...]:
    """The weights of a file, in the order of the classes.

    Raises:
        DataError: It names a class that is not there, lacks one, or has something else than a number above 0.
    """
    found: dict[str, float] = {}
    for number, line in lines.read(path):
        if line.strip():
            name, weight = _weight(line, path, number)
            if name not in labels:
                what = f"there is no class {name!r}; the classes are {', '.join(labels)}"
                raise DataError.at(path, number, what)
            if name in found:
                raise DataError.at(path, number, f"the class {name!r} comes twice")
            found[name] = weight
    return _in_order(found, labels, path)


def _weight(line: str, path: Path, number: int) -> tuple[str, float]:
    name, _, said = line.strip().replace("\t", " ").rpartition(" ")
    try:
        weight = float(said)
    except ValueError:
        weight = 0.0
    if not name.strip() or not 0 < weight < 1e6:
        raise DataError.at(path, number, f"{line.strip()[:60]!r} is no class with its weight", hint=_HINT)
    return name.strip(), weight


def _in_order(found: Mapping[str, float], labels: Sequence[str], path: Path) -> tuple[float, ...]:
    missing = [label for label in labels if label not in found]
    if missing:
        raise DataError(f"the class {missing[0]!r} has no weight", where=path, hint=_HINT)
    return tuple(found[label] for label in labels)
