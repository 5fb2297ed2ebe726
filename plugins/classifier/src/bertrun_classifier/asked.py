"""What `bertrun predict` is asked, and what it answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bert_core import DataError

from .columns import Columns
from .decision import Decision
from .example import Example
from .label_file import listed


def pair_of(text: str) -> Example:
    """Two texts with a tab between, or a JSON object with `text` and `pair`.

    Raises:
        DataError: It is one text.
    """
    first, tab, second = text.partition("\t")
    if tab:
        return Example(first, second)
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if isinstance(said, dict) and all(isinstance(said.get(name), str) for name in ("text", "pair")):
        return Example(said["text"], said["pair"])
    hint = 'Part them by a tab, or write {"text": "...", "pair": "..."}'
    raise DataError(f"this model reads pairs, and {text[:60]!r} is one text", hint=hint)


def example_of(row: Mapping[str, Any], columns: Columns, *, pairs: bool) -> Example:
    """An example from the members of a JSON object.

    Args:
        row: The object.
        columns: The names that texts have in the training data, beside which `text` and `text_b` are understood.
        pairs: Whether there are two texts.

    Raises:
        DataError: It lacks a text.
    """
    text = _member(row, (columns.text, "text", "text_a"))
    if not pairs:
        return Example(text)
    return Example(text, _member(row, (*((columns.pair,) if columns.pair else ()), "text_b", "pair")))


def _member(row: Mapping[str, Any], names: Sequence[str]) -> str:
    text = next((row[name] for name in names if isinstance(row.get(name), str)), "")
    if not text.strip():
        wanted = " or ".join(f'"{name}"' for name in dict.fromkeys(names))
        raise DataError(f"this JSON line has no {wanted} that is a text; its keys are: {listed(tuple(row))}")
    return str(text)


def rendered(example: Example, prediction: Any) -> dict[str, Any]:
    """The text or texts, and the label with its probability, or the number."""
    texts = {"text": example.text} if example.pair is None else {"text": example.text, "pair": example.pair}
    if not isinstance(prediction, Decision):
        return {**texts, "score": round(float(prediction), 4)}
    names = [prediction.names[number] for number in prediction.chosen]
    shares = {n: round(p, 4) for n, p in zip(prediction.names, prediction.probabilities, strict=False)}
    if prediction.several:
        return {**texts, "labels": names, **({"probabilities": shares} if shares else {})}
    label = names[0] if names else None
    sure = {"probability": shares[str(label)], "probabilities": shares} if shares else {}
    return {**texts, "label": label, **sure}
