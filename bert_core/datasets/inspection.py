"""What is in a task's data, and what is wrong with it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bert_core.abilities import InspectedTask
from bert_core.data.records import Records
from bert_core.protocols import TextEncoder

_SHOWN = 5  # places that a finding names
_QUANTILES = (0.0, 0.5, 0.9, 0.99, 1.0)
_TOGETHER = 256  # records that are read at once


@dataclass(frozen=True)
class Fact:
    """What is known of one example.

    Args:
        where: Its place in its file, such as `line 3`.
        texts: Its texts.
        labels: Its labels, or the types of its spans; or the number that is to be learnt.
    """

    where: str
    texts: tuple[str, ...]
    labels: tuple[str | float, ...]


@dataclass(frozen=True)
class Part:
    """A file's examples.

    Args:
        path: The file.
        facts: Of each example, in order.
        faults: See `Reading`.
    """

    path: Path
    facts: Sequence[Fact]
    faults: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that was found.

    Args:
        kind: One or two words.
        sentence: What it is.
        count: How often.
        places: Some of the places.
        matters: Whether training or scores would be wrong.
    """

    kind: str
    sentence: str
    count: int
    places: tuple[str, ...]
    matters: bool

    def line(self) -> str:
        """For a person."""
        places = ", ".join(self.places) + (", ..." if self.count > len(self.places) else "")
        return f"{'problem' if self.matters else 'note'}: {self.kind}: {self.count} {self.sentence} ({places})"


def facts(task: InspectedTask, examples: Iterable[Any]) -> list[Fact]:
    """What the task knows of each example."""
    inspected = map(task.inspect, examples)
    return [Fact(where, tuple(texts), tuple(labels)) for where, texts, labels in inspected]


def findings(parts: Sequence[Part]) -> Iterator[Finding]:
    """What is wrong with files that belong together.

    Args:
        parts: The data to train on, then data to score with.
    """
    for part in parts:
        yield from _empty(part)
        of = f"of {part.path}"
        left_out = (f"annotation {of} was left out", f"annotations {of} were left out")
        yield from _found("wrong", left_out, part.faults, matters=True)
        yield from _twice(part)
    train, *others = parts
    for other in others:
        yield from _leaks(train, other)
        yield from _strange_labels(train, other)


def _empty(part: Part) -> Iterator[Finding]:
    places = [fact.where for fact in part.facts if not all(text.strip() for text in fact.texts)]
    lacks = (f"example of {part.path} lacks a text", f"examples of {part.path} lack a text")
    yield from _found("empty", lacks, places, matters=True)


def _twice(part: Part) -> Iterator[Finding]:
    """Texts that come again, told apart by whether their labels agree."""
    seen: dict[tuple[str, ...], Fact] = {}
    again: dict[bool, list[str]] = defaultdict(list)
    for fact in part.facts:
        first = seen.setdefault(fact.texts, fact)
        if first is not fact:
            again[first.labels == fact.labels].append(f"{fact.where} as {first.where}")
    comes = (f"example of {part.path} comes again with", f"examples of {part.path} come again with")
    yield from _found("duplicates", [f"{what} the same labels" for what in comes], again[True])
    yield from _found("contradictions", [f"{what} other labels" for what in comes], again[False], matters=True)


def _leaks(train: Part, other: Part) -> Iterator[Finding]:
    known = {fact.texts: fact.where for fact in train.facts}
    places = [f"{fact.where} as {known[fact.texts]}" for fact in other.facts if fact.texts in known]
    both = (f"example of {other.path} is in {train.path} too", f"examples of {other.path} are in {train.path} too")
    yield from _found("leakage", both, places, matters=True)


def _strange_labels(train: Part, other: Part) -> Iterator[Finding]:
    known = {label for fact in train.facts for label in fact.labels}
    said = [(label, fact.where) for fact in other.facts for label in fact.labels if isinstance(label, str)]
    strange = [(label, where) for label, where in said if label not in known]
    for label in dict.fromkeys(label for label, _ in strange):
        places = [where for found, where in strange if found == label]
        what = f"{other.path} has the label {label}, which {train.path} does not have"
        yield from _found("strange labels", (f"time {what}", f"times {what}"), places, matters=True)


def _found(kind: str, said: Sequence[str], places: Sequence[str], *, matters: bool = False) -> Iterator[Finding]:
    """What is said of one, and of several, where there is one at least."""
    if places:
        sentence, shown = said[len(places) > 1], tuple(places[:_SHOWN])
        yield Finding(kind=kind, sentence=sentence, count=len(places), places=shown, matters=matters)


def truncated(part: Part, lengths: Sequence[int], max_length: int) -> Iterator[Finding]:
    """Examples that do not fit one window.

    Args:
        part: The examples.
        lengths: Pieces of each, special ones counted.
        max_length: Of a window.
    """
    places = [fact.where for fact, length in zip(part.facts, lengths, strict=True) if length > max_length]
    more = f"more than {max_length} pieces"
    yield from _found("long", (f"example of {part.path} has {more}", f"examples of {part.path} have {more}"), places)


def lengths(facts: Iterable[Fact], text: TextEncoder) -> list[int]:
    """How many pieces each example has, `[CLS]` and a `[SEP]` after each text counted."""
    return [1 + sum(1 + len(text.encode(one)[0]) for one in fact.texts) for fact in facts]


def statistics(facts: Sequence[Fact], pieces: Sequence[int] | None) -> Mapping[str, Any]:
    """Counts, labels and lengths, as JSON values.

    Args:
        facts: Of each example.
        pieces: How many each has, where there is a vocabulary.
    """
    labels = Counter(label for fact in facts for label in fact.labels if isinstance(label, str))
    numbers = [label for fact in facts for label in fact.labels if not isinstance(label, str)]
    found: dict[str, Any] = {"examples": len(facts), "without a label": sum(not fact.labels for fact in facts)}
    if numbers:
        found["target"] = _of_numbers(numbers)
    else:
        found["labels"] = dict(sorted(labels.items(), key=lambda counted: (-counted[1], counted[0])))
    found["characters"] = _spread([sum(map(len, fact.texts)) for fact in facts])
    return found if pieces is None else {**found, "pieces": _spread(pieces)}


def record_statistics(records: Records) -> Mapping[str, Any]:
    """Counts of records, their columns, and the pieces that are no padding; of masked ones also how many are masked."""
    used: list[int] = []
    masked: list[int] = []
    follows = 0
    for start in range(0, len(records), _TOGETHER):
        for row in records.read_many(range(start, min(start + _TOGETHER, len(records)))):
            used += [int((row["attention_mask"] > 0).sum())] if "attention_mask" in row else []
            masked += [int((row["masked_lm_weights"] > 0).sum())] if "masked_lm_weights" in row else []
            follows += int(row["next_sentence_labels"].sum() == 0) if "next_sentence_labels" in row else 0
    found: dict[str, Any] = {"records": len(records)}
    found |= {"columns": {name: str(column).partition(" ")[2] for name, column in records.columns.items()}}
    found |= {"pieces": _spread(used)} if used else {}
    if masked:
        found |= {"masked": _spread(masked), "masked share": round(sum(masked) / max(sum(used), 1), 4)}
    if "next_sentence_labels" in records.columns:
        found |= {"next sentences": follows, "other sentences": len(records) - follows}
    return found


def _of_numbers(values: Sequence[float]) -> dict[str, float]:
    """How many, from where to where, their mean, and their deviation from it (of all of them, not of a sample)."""
    mean, deviation = float(np.mean(values)), float(np.std(values))
    return {
        "count": len(values),
        "least": min(values),
        "greatest": max(values),
        "mean": round(mean, 4),
        "deviation": round(deviation, 4),
    }


def _spread(values: Sequence[int]) -> dict[str, float]:
    """The mean, and what so many of a hundred are below."""
    if not values:
        return {}
    quantiles = np.quantile(values, _QUANTILES, method="higher")
    names = ("least", "median", "90 %", "99 %", "most")
    return {"mean": round(float(np.mean(values)), 1), **dict(zip(names, map(int, quantiles), strict=True))}
