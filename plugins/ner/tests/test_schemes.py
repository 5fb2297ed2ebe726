from __future__ import annotations

import random

import numpy as np
import pytest
from bertrun_ner import schemes
from bertrun_ner.schemes import (
    BILOU,
    BIOES,
    BMES,
    IO,
    IOB1,
    IOB2,
    allowed,
    label_names,
    lenient_spans,
    recognise,
    strict_spans,
    tags_of,
    trained,
    violations,
)
from bertrun_ner.sentence import Span
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import IOB2 as SEQEVAL_IOB2
from seqeval.scheme import IOBES as SEQEVAL_IOBES
from seqeval.scheme import Entities

TYPES = ("PER", "LOC", "creative-work")


@st.composite
def annotated(draw):
    """Spans that do not overlap, and the length of their sentence."""
    spans, position = [], 0
    for gap, width, name in draw(
        st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.sampled_from(TYPES)), max_size=5)
    ):
        spans.append(Span(name, position + gap, position + gap + width))
        position += gap + width
    return tuple(spans), position + draw(st.integers(0, 2))


def random_tags(seed, letters):
    rng = random.Random(seed)
    labels = ["O", "O", *(f"{letter}-{name}" for letter in letters for name in TYPES)]
    return [rng.choices(labels, k=rng.randint(1, 12)) for _ in range(20)]


@pytest.mark.parametrize("scheme", [IOB1, IOB2, BIOES, BMES, BILOU], ids=str)
@given(annotated())
def test_spans_survive_being_written_as_tags(scheme, sentence):
    spans, length = sentence
    tags = tags_of(spans, length, scheme)
    assert len(tags) == length
    assert lenient_spans(tags) == spans
    assert strict_spans(tags, scheme) == spans
    assert violations(tags, scheme) == []
    assert tags_of(lenient_spans(tags), length, scheme) == tags


@pytest.mark.parametrize("scheme", [IOB1, IOB2, BIOES, BMES, BILOU], ids=str)
@settings(max_examples=50)
@given(st.lists(annotated(), max_size=4))
def test_the_scheme_of_tags_is_recognised(scheme, sentences):
    tagged = [tags_of(spans, length, scheme) for spans, length in sentences]
    spelled = {tag[0] for tags in tagged for tag in tags}
    if any(spans for spans, _ in sentences) and (scheme in (IOB1, IOB2) or set(scheme.letters) <= spelled):
        assert recognise(tagged) is scheme


@given(annotated())
def test_plain_labels_give_runs_of_one_type(sentence):
    spans, length = sentence
    tags = tags_of(spans, length, IO)
    assert tags_of(lenient_spans(tags), length, IO) == tags
    assert violations(tags, IO) == []


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        (["O", "O"], IOB2),
        ([], IOB2),
        (["B-PER", "I-PER", "O"], IOB2),
        (["B_PER", "I_PER", "O"], IOB2),
        (["I-PER", "I-PER", "O"], IOB1),
        (["I-PER", "B-PER", "O"], IOB1),
        (["S-PER"], BIOES),
        (["B-PER", "E-PER"], BIOES),
        (["B-PER", "M-PER", "E-PER"], BMES),
        (["U-PER"], BILOU),
        (["B-PER", "L-PER"], BILOU),
        (["PER", "O", "creative-work"], IO),
    ],
)
def test_the_prefixes_tell_the_scheme(tags, scheme):
    assert recognise([tags]) is scheme


def test_mixed_prefixes_have_no_scheme():
    with pytest.raises(ValueError, match=r"no tag scheme has all of the prefixes \['E', 'L'\]"):
        recognise([["E-PER", "L-PER"]])


def test_iob1_and_iob2_are_told_apart_by_what_fewer_tags_break():
    assert recognise([["B-PER", "I-PER"]] * 20 + [["O", "I-PER"]]) is IOB2
    assert recognise([["I-PER", "I-PER"]] * 20 + [["O", "B-PER"]]) is IOB1


@pytest.mark.parametrize(
    ("tags", "scheme", "broken"),
    [
        ("I-A", IOB2, [0]),
        ("O I-A I-A", IOB2, [1]),
        ("B-A I-B", IOB2, [1]),
        ("B-A I-A O B-B", IOB2, []),
        ("O B-A", IOB1, [1]),
        ("I-A B-B", IOB1, [1]),
        ("I-A B-A I-B", IOB1, []),
        ("B-A", BIOES, [1]),
        ("B-A O", BIOES, [1]),
        (
            "B-A E-B",
            BIOES,
            [
                1,
            ],
        ),
        ("I-A E-A", BIOES, [0]),
        ("S-A E-A", BIOES, [1]),
        ("B-A I-A E-A S-B", BIOES, []),
        ("B-A B-A E-A", BIOES, [1]),
        ("B-A M-A E-A S-B", BMES, []),
        ("B-A I-A L-A U-B", BILOU, []),
    ],
)
def test_violations_are_found(tags, scheme, broken):
    assert violations(tags.split(), scheme) == broken


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("letters", ["BI", "BIES", "IE", "BS"])
def test_the_lenient_reading_is_seqevals_default(seed, letters):
    for tags in random_tags(seed, letters):
        assert [(span.type, span.start, span.end - 1) for span in lenient_spans(tags)] == get_entities(tags)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(
    ("letters", "ours", "theirs"), [("BI", IOB2, SEQEVAL_IOB2), ("BIES", BIOES, SEQEVAL_IOBES)], ids=["IOB2", "IOBES"]
)
def test_the_strict_reading_is_seqevals_strict_mode(seed, letters, ours, theirs):
    tagged = random_tags(seed, letters)
    for tags, entities in zip(tagged, Entities(tagged, theirs).entities, strict=True):
        assert [(span.type, span.start, span.end) for span in strict_spans(tags, ours)] == [
            (entity.tag, entity.start, entity.end) for entity in entities
        ]


def test_labels_are_o_and_then_each_type_in_order():
    assert label_names(["PER", "LOC", "PER"], IOB2) == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    assert label_names(["PER"], BIOES) == ("O", "B-PER", "I-PER", "E-PER", "S-PER")
    assert label_names(["PER", "LOC"], IO) == ("O", "LOC", "PER")


def test_labels_are_learnt_in_one_spelling():
    assert [trained(scheme) for scheme in (IO, IOB1, IOB2, BIOES, BMES, BILOU)] == [IO, IOB2, IOB2, BIOES, BIOES, BIOES]


@pytest.mark.parametrize("scheme", [IO, IOB2, BIOES], ids=str)
def test_what_is_allowed_is_what_some_annotation_looks_like(scheme):
    """Brute force: every annotation of four units with two types, written down, gives the pairs that occur."""
    labels = label_names(["A", "B"], scheme)
    transitions, start, end = (
        np.zeros((len(labels),) * 2, bool),
        np.zeros(len(labels), bool),
        np.zeros(len(labels), bool),
    )
    for spans in _annotations(0, 4):
        numbers = [labels.index(tag) for tag in tags_of(spans, 4, scheme)]
        start[numbers[0]] = end[numbers[-1]] = True
        transitions[numbers[:-1], numbers[1:]] = True
    for ours, brute in zip(allowed(labels), (transitions, start, end), strict=True):
        np.testing.assert_array_equal(ours, brute)


def _annotations(position, length):
    if position == length:
        yield ()
        return
    for rest in _annotations(position + 1, length):
        yield rest
    for end in range(position + 1, length + 1):
        for rest in _annotations(end, length):
            for name in "AB":
                yield (Span(name, position, end), *rest)


def test_every_scheme_is_known_by_its_name():
    assert list(schemes.SCHEMES) == ["io", "iob1", "iob2", "bioes", "bmes", "bilou"]
