"""Scores of predicted spans: per type and overall, as seqeval and conlleval count them, and CLUENER's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from .sentence import Sentence, Span


def span_scores(predicted: Sequence[Sequence[Span]], gold: Sequence[Sequence[Span]]) -> dict[str, float]:
    """Precision, recall and F1 of spans; one is right where its type and both of its ends are.

    Equals seqeval's `mode="strict"` for spans from `strict_spans`, and conlleval and seqeval's default
    for spans from `lenient_spans`. A quotient of which nothing is known (0 / 0) is 0.

    Args:
        predicted: The spans of each sentence.
        gold: The right spans of each sentence.

    Returns:
        `precision`, `recall`, `f1` over all spans (micro), `macro_f1` over the types that occur in
        either, and `precision/TYPE`, `recall/TYPE`, `f1/TYPE`, `support/TYPE` for each of these.
    """
    counts = _count(_spans(predicted), _spans(gold))
    precision, recall, f1 = _quotients(counts.right.total(), counts.predicted.total(), counts.gold.total())
    scores = {"precision": precision, "recall": recall, "f1": f1, "macro_f1": counts.macro_f1()}
    for name in counts.types():
        scores[f"precision/{name}"], scores[f"recall/{name}"], scores[f"f1/{name}"] = counts.of(name)
        scores[f"support/{name}"] = float(counts.gold[name])
    return scores


def cluener_score(
    predicted: Sequence[Sequence[Span]], gold: Sequence[Sequence[Span]], sentences: Sequence[Sentence]
) -> dict[str, float]:
    """CLUENER's own score: for each type the F1 of mentions, and their mean over the types.

    A line's mentions of a type are a set of strings: where they stand and how often does not count.
    CLUENER's script divides by zero where a type is never predicted or never annotated; here its F1 is
    0 where it is in either, and a type in neither is not part of the mean.

    https://arxiv.org/abs/2001.04351

    Args:
        predicted: The spans of each sentence.
        gold: The right spans of each sentence.
        sentences: What they are spans of.

    Returns:
        `cluener_f1`, and `cluener_f1/TYPE` for each type.
    """
    counts = _count(_mentions(predicted, sentences), _mentions(gold, sentences))
    by_type = {f"cluener_f1/{name}": counts.of(name)[2] for name in counts.types()}
    return {"cluener_f1": counts.macro_f1(), **by_type}


def token_accuracy(predicted: Sequence[Sequence[str]], gold: Sequence[Sequence[str]]) -> float:
    """The share of units with the right label, 0 where there is no unit."""
    pairs = [
        (label, right)
        for labels, rights in zip(predicted, gold, strict=True)
        for label, right in zip(labels, rights, strict=True)
    ]
    return sum(label == right for label, right in pairs) / len(pairs) if pairs else 0.0


_Items = AbstractSet[tuple[str, Hashable]]


@dataclass(frozen=True)
class _Counts:
    """How many things of each type are predicted, in the gold, and in both."""

    right: Counter[str] = field(default_factory=Counter)
    predicted: Counter[str] = field(default_factory=Counter)
    gold: Counter[str] = field(default_factory=Counter)

    def types(self) -> list[str]:
        return sorted({*self.predicted, *self.gold})

    def of(self, name: str) -> tuple[float, float, float]:
        return _quotients(self.right[name], self.predicted[name], self.gold[name])

    def macro_f1(self) -> float:
        types = self.types()
        return sum(self.of(name)[2] for name in types) / len(types) if types else 0.0


def _count(predicted: Iterable[_Items], gold: Iterable[_Items]) -> _Counts:
    counts = _Counts()
    for found, wanted in zip(predicted, gold, strict=True):
        counts.predicted.update(name for name, _ in found)
        counts.gold.update(name for name, _ in wanted)
        counts.right.update(name for name, _ in found & wanted)
    return counts


def _spans(sentences: Iterable[Sequence[Span]]) -> list[_Items]:
    return [{(span.type, span) for span in spans} for spans in sentences]


def _mentions(spans: Sequence[Sequence[Span]], sentences: Sequence[Sentence]) -> list[_Items]:
    return [
        {(span.type, sentence.mention(span)) for span in one} for one, sentence in zip(spans, sentences, strict=True)
    ]


def _quotients(right: int, predicted: int, gold: int) -> tuple[float, float, float]:
    """Precision, recall and F1 = 2 P R / (P + R), which is 2 right / (predicted + gold)."""
    precision = right / predicted if predicted else 0.0
    recall = right / gold if gold else 0.0
    return precision, recall, 2 * right / (predicted + gold) if right else 0.0
