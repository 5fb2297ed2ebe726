"""The scores of SQuAD v2.0, whose questions may have no answer, and the thresholds that suit them best."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bert_core import DataError

from .metrics import exact_match, word_f1, words

Score = Callable[[str, str], float]


def squad2(
    predictions: Sequence[str], references: Sequence[Sequence[str]], odds: Sequence[float] | None = None
) -> dict[str, float]:
    """Exact match and F1 as SQuAD v2.0 defines them (Rajpurkar et al. 2018), in percent.

    Args:
        predictions: The text of each answer; an empty text where there is none.
        references: For each question the texts of its acceptable answers, none where it has no answer.
        odds: For each question how much speaks for no answer, where that is known.

    Returns:
        `exact`, `f1` and `total`; the same of the questions with and without an answer, beginning with `HasAns_` and
        `NoAns_`, where there are such; and with odds `best_exact`, `best_exact_thresh`, `best_f1` and `best_f1_thresh`:
        the scores if every question with odds above the threshold had no answer.

    Raises:
        DataError: There is no question.
    """
    if not references:
        raise DataError("there is no question to score", hint="Is the evaluation data empty?")
    exact = scored(predictions, references, exact_match)
    overlap = scored(predictions, references, answer_f1)
    has = [bool(answers) for answers in references]
    scores = _means("", exact, overlap)
    for name, kind in (("HasAns_", True), ("NoAns_", False)):
        rows = [row for row, one in enumerate(has) if one == kind]
        if rows:
            scores |= _means(name, [exact[row] for row in rows], [overlap[row] for row in rows])
    if odds is not None:
        for name, values in (("exact", exact), ("f1", overlap)):
            best, threshold = best_threshold(predictions, values, odds, has)
            scores |= {f"best_{name}": best, f"best_{name}_thresh": threshold}
    return scores


def scored(predictions: Sequence[str], references: Sequence[Sequence[str]], score: Score) -> list[float]:
    """The score of each prediction with the answer that suits it best."""
    return [
        max(score(text, answer) for answer in [one for one in answers if words(one)] or [""])
        for text, answers in zip(predictions, references, strict=True)
    ]


def answer_f1(prediction: str, answer: str) -> float:
    """F1 of the words that both share; 1 where neither has any, which SQuAD v1.1 counts as 0."""
    return word_f1(prediction, answer) if words(prediction) or words(answer) else 1.0


def best_threshold(
    predictions: Sequence[str], scores: Sequence[float], odds: Sequence[float], has: Sequence[bool]
) -> tuple[float, float]:
    """The best mean score in percent that a threshold of the odds gives, and the least such threshold.

    Questions whose odds are equal are taken one by one, and no answer at all has the threshold 0: so the official
    script does it.

    Args:
        predictions: The text of each answer.
        scores: What it scores.
        odds: How much speaks for no answer.
        has: Whether the question has an answer.
    """
    best = current = float(sum(not one for one in has))
    threshold = 0.0
    for row in sorted(range(len(scores)), key=lambda row: odds[row]):
        current += scores[row] if has[row] else -float(bool(predictions[row]))
        if current > best:
            best, threshold = current, odds[row]
    return 100 * best / len(scores), threshold


def tuned_threshold(
    predictions: Sequence[str], references: Sequence[Sequence[str]], odds: Sequence[float]
) -> tuple[float, float]:
    """The threshold that gives the best F1, and this F1 in percent; one below all odds where no answer is best.

    Args:
        predictions: The best answer to each question, also where no answer is more likely.
        references: For each question the texts of its acceptable answers, none where it has no answer.
        odds: How much speaks for no answer.
    """
    has = [bool(answers) for answers in references]
    best, threshold = best_threshold(predictions, scored(predictions, references, answer_f1), odds, has)
    none = 100 * sum(not one for one in has) / len(has)
    return (threshold, best) if best > none else (min(odds) - 1, none)


def _means(name: str, exact: Sequence[float], overlap: Sequence[float]) -> dict[str, float]:
    count = len(exact)
    return {
        f"{name}exact": 100 * sum(exact) / count,
        f"{name}f1": 100 * sum(overlap) / count,
        f"{name}total": float(count),
    }
