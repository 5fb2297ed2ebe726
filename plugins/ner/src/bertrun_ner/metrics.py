"""The scores of tagged sentences, as metrics: functions of predictions and references."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .schemes import lenient_spans
from .scores import cluener_score, span_scores, token_accuracy
from .sentence import Sentence, Span


@dataclass(frozen=True, kw_only=True)
class Tagging:
    """The labels of a sentence's units, and the spans that they spell.

    Args:
        sentence: What is tagged.
        tags: One label for each unit.
        spans: In order, none overlapping.
        scores: How sure each span is, from 0 to 1.
    """

    sentence: Sentence
    tags: tuple[str, ...]
    spans: tuple[Span, ...]
    scores: tuple[float, ...] = ()


def spans(predictions: Sequence[Tagging], references: Sequence[Tagging]) -> dict[str, float]:
    """Scores of spans as seqeval's strict mode counts them."""
    return span_scores([one.spans for one in predictions], [one.spans for one in references])


def conlleval(predictions: Sequence[Tagging], references: Sequence[Tagging]) -> dict[str, float]:
    """Scores of the spans that conlleval reads from the tags."""
    return span_scores(
        [lenient_spans(one.tags) for one in predictions], [lenient_spans(one.tags) for one in references]
    )


def cluener(predictions: Sequence[Tagging], references: Sequence[Tagging]) -> dict[str, float]:
    """CLUENER's own score."""
    sentences = [one.sentence for one in references]
    return cluener_score([one.spans for one in predictions], [one.spans for one in references], sentences)


def tokens(predictions: Sequence[Tagging], references: Sequence[Tagging]) -> dict[str, float]:
    """The share of units with the right label."""
    return {"token_accuracy": token_accuracy([one.tags for one in predictions], [one.tags for one in references])}
