"""The scores of CMRC 2018: of Chinese answers, by character."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from bert_core import DataError

# The marks that CMRC's evaluation leaves out. It lists the two dots of an ellipsis as one, which no character equals.
PUNCTUATION = frozenset("-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』")
_CHINESE = re.compile("[\u4e00-\u9fa5]")
# CMRC's evaluation cuts Latin text by NLTK's word_tokenize. This is its rules in short: words with points and numbers
# with commas inside, what English contracts, and every other mark by itself. Rarer ones of them (`gonna`) are left out.
_WORD = re.compile(r"n't|'(?:s|re|ve|ll|d|m)\b|(?:(?!n't\b)\w)+(?:\.\w+|,\d+)*|…+|\.{2,}|\S")


def cmrc(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """Exact match and F1 as CMRC 2018 defines them (Cui et al. 2019), in percent.

    F1 is that of the longest run of units that prediction and answer share: a unit is a Chinese character or a word in
    another script. Each question counts with the answer that suits best, for either score by itself.

    Args:
        predictions: The text of each answer.
        references: For each question the texts of its acceptable answers, at least one.

    Returns:
        `exact_match`, `f1` and `average`, the mean of both.

    Raises:
        DataError: There is no question, or one has no acceptable answer.
    """
    pairs = list(zip(predictions, references, strict=True))
    if not pairs:
        raise DataError("there is no question to score", hint="Is the evaluation data empty?")
    bare = next((number for number, (_, answers) in enumerate(pairs, 1) if not answers), None)
    if bare is not None:
        raise DataError(f"question {bare} has no acceptable answer, so its prediction cannot be scored")
    exact = sum(any(_plain(text) == _plain(answer) for answer in answers) for text, answers in pairs)
    overlap = sum(max(run_f1(text, answer) for answer in answers) for text, answers in pairs)
    scores = {"exact_match": 100 * exact / len(pairs), "f1": 100 * overlap / len(pairs)}
    return {**scores, "average": (scores["exact_match"] + scores["f1"]) / 2}


def units(text: str) -> list[str]:
    """The Chinese characters and the other words of a text, in lower case, without punctuation."""
    found: list[str] = []
    other = ""
    for character in [one for one in text.lower().strip() if one not in PUNCTUATION]:
        if _CHINESE.match(character):
            found += [*_WORD.findall(other), character]
            other = ""
        else:
            other += character
    return [*found, *_WORD.findall(other)]


def run_f1(prediction: str, answer: str) -> float:
    """F1 of the longest run of units that both share."""
    found, wanted = units(prediction), units(answer)
    shared = _longest_run(found, wanted)
    return 2 * shared / (len(found) + len(wanted)) if shared else 0.0


def _plain(text: str) -> str:
    return "".join(character for character in text.lower().strip() if character not in PUNCTUATION)


def _longest_run(first: Sequence[str], second: Sequence[str]) -> int:
    """The length of the longest run that both have: run[j] ends at the unit before j of the second."""
    other = np.array(second, dtype=object)
    run = np.zeros(len(second) + 1, np.int64)
    longest = 0
    for unit in first:
        run[1:] = np.where(other == unit, run[:-1] + 1, 0)
        longest = max(longest, int(run.max()))
    return longest
