"""The embedded sample: enough of it, well formed, and nothing of a split in another."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from pathlib import Path

import pytest
from bertrun_ner.files import read_sentences
from bertrun_ner.schemes import IOB2, tags_of, violations
from bertrun_ner.sentence import Sentence, from_text
from bertrun_ner.task import SAMPLE, SAMPLE_FILES

TYPES = {"LOC", "ORG", "PER", "PROD"}
LEAST = {"en": 600, "zh": 300}
LANGUAGES = pytest.mark.parametrize("language", ["en", "zh"])


def splits(language: str) -> dict[str, tuple[Sentence, ...]]:
    return {split: read_sentences(SAMPLE / file).sentences for split, file in SAMPLE_FILES[language].items()}


def masked(sentence: Sentence) -> tuple[str, ...]:
    """Case-folded units, each entity as its type."""
    starts = {span.start: span for span in sentence.spans or ()}
    inside = {unit for span in starts.values() for unit in range(span.start + 1, span.end)}
    units = [
        starts[unit].type if unit in starts else sentence.surface(unit).casefold()
        for unit in range(len(sentence.units))
    ]
    return tuple(unit for place, unit in enumerate(units) if place not in inside)


def trigrams(units: tuple[str, ...]) -> frozenset[tuple[str, ...]]:
    return frozenset(units[start : start + 3] for start in range(max(1, len(units) - 2)))


@LANGUAGES
def test_there_is_enough_of_every_type_in_every_split(language: str) -> None:
    found = splits(language)
    assert sum(map(len, found.values())) >= LEAST[language]
    assert len(found["train"]) > len(found["test"]) > len(found["eval"]) > 0
    for sentences in found.values():
        assert {span.type for sentence in sentences for span in sentence.spans or ()} == TYPES
        assert any(not sentence.spans for sentence in sentences), "sentences without names belong to text"


@LANGUAGES
def test_no_split_has_a_sentence_of_another_or_one_like_it(language: str) -> None:
    seen = {split: [masked(sentence) for sentence in sentences] for split, sentences in splits(language).items()}
    for one, other in itertools.combinations(seen, 2):
        assert not set(seen[one]) & set(seen[other])
        grams = [trigrams(units) for units in seen[other]]
        for units in seen[one]:
            here = trigrams(units)
            assert all(2 * len(here & there) < len(here | there) for there in grams), " ".join(units)


@LANGUAGES
def test_every_sentence_stands_there_once(language: str) -> None:
    counts = Counter(sentence.text for sentences in splits(language).values() for sentence in sentences)
    assert {text for text, count in counts.items() if count > 1} == set()


@LANGUAGES
def test_reading_it_puts_nothing_right(language: str) -> None:
    assert all(read_sentences(SAMPLE / file).notes == () for file in SAMPLE_FILES[language].values())


def test_tags_are_well_formed_iob2() -> None:
    for sentence in (sentence for sentences in splits("en").values() for sentence in sentences):
        assert sentence.tags is not None
        assert violations(sentence.tags, IOB2) == []
        assert sentence.tags == tags_of(sentence.spans or (), len(sentence.units), IOB2)
        assert all(re.fullmatch(r"O|[BI]-(LOC|ORG|PER|PROD)", tag) for tag in sentence.tags)


def test_english_words_are_those_that_running_text_is_cut_into() -> None:
    """So that a model trained on the sample sees in `predict` what it was trained on."""
    for sentence in (sentence for sentences in splits("en").values() for sentence in sentences):
        words = sentence.words()
        assert [word for word in words if word != "'s" and list(from_text(word, "word").words()) != [word]] == []
        assert "n't" not in words
        assert "' s " not in sentence.text


def test_mentions_have_no_punctuation_at_their_ends() -> None:
    for language in SAMPLE_FILES:
        for sentence in (sentence for sentences in splits(language).values() for sentence in sentences):
            for span in sentence.spans or ():
                mention = sentence.mention(span)
                assert mention[0].isalnum(), mention
                assert mention[-1].isalnum(), mention


@LANGUAGES
def test_a_name_has_one_type_wherever_it_stands_whole(language: str) -> None:
    types: dict[str, set[str]] = {}
    for sentence in (sentence for sentences in splits(language).values() for sentence in sentences):
        for span in sentence.spans or ():
            types.setdefault(sentence.mention(span), set()).add(span.type)
    assert {name: kinds for name, kinds in types.items() if len(kinds) > 1} == TWO_TYPES.get(language, {})


TWO_TYPES = {"en": {"Voss": {"LOC", "PER"}}}  # a town in Norway, and a man from Lübeck


@LANGUAGES
def test_the_readme_counts_what_is_there(language: str) -> None:
    text = Path(SAMPLE / "README.md").read_text(encoding="utf-8")
    for split, sentences in splits(language).items():
        types = Counter(span.type for sentence in sentences for span in sentence.spans or ())
        units = sum(len(sentence.units) for sentence in sentences)
        file = SAMPLE_FILES[language][split]
        cells = [f"`{file}`", len(sentences), units, *(types[name] for name in sorted(TYPES))]
        row = "| " + " | ".join(f"{cell:,}" if isinstance(cell, int) else cell for cell in cells) + " |"
        assert row in text, row
