"""The scores of answer texts, as a metric: a function of predictions and references."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

from bert_core import DataError

_PUNCTUATION = str.maketrans("", "", string.punctuation)  # ASCII only, as in the official evaluation
_ARTICLE = re.compile(r"\b(?:an?|the)\b")


def squad(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """Exact match and F1 as SQuAD v1.1 defines them (Rajpurkar et al. 2016, section 6.1).

    Each question counts with the acceptable answer that suits its prediction best, for either score by itself.

    Args:
        predictions: The text of each answer; an empty text where a question is not answered.
        references: For each question the texts of its acceptable answers, at least one.

    Returns:
        `exact_match` and `f1`, in percent (from 0 to 100) as the official evaluation prints them.

    Raises:
        DataError: There is no question, or one has no acceptable answer.
    """
    pairs = list(zip(predictions, references, strict=True))
    if not pairs:
        raise DataError("there is no question to score", hint="Is the evaluation data empty?")
    for number, (_, answers) in enumerate(pairs, 1):
        _check(number, answers)
    exact = sum(max(exact_match(text, answer) for answer in answers) for text, answers in pairs)
    overlap = sum(max(word_f1(text, answer) for answer in answers) for text, answers in pairs)
    return {"exact_match": 100 * exact / len(pairs), "f1": 100 * overlap / len(pairs)}


def words(text: str) -> list[str]:
    """The words of an answer that count: lower-case, without punctuation and without a, an, the.

    Punctuation goes first, so that `a.` and `a-` are articles too, and `U.S.` is the word `us`.
    """
    return _ARTICLE.sub(" ", text.lower().translate(_PUNCTUATION)).split()


def exact_match(prediction: str, answer: str) -> float:
    """1 where both have the same words in the same order, else 0; two answers without words are the same."""
    return float(words(prediction) == words(answer))


def word_f1(prediction: str, answer: str) -> float:
    """F1 of the words that both share, each as often as it occurs in both.

    0 where either has no words, even where both have none: so SQuAD v1.1 counts (v2.0 gives 1 there).
    """
    found, wanted = words(prediction), words(answer)
    shared = (Counter(found) & Counter(wanted)).total()
    return 2 * shared / (len(found) + len(wanted)) if shared else 0.0


def _check(number: int, answers: Sequence[str]) -> None:
    if isinstance(answers, str):
        raise TypeError(f"the answers of question {number} are one text, {answers!r}, not a sequence of texts")
    if not answers:
        raise DataError(f"question {number} has no acceptable answer, so its prediction cannot be scored")
