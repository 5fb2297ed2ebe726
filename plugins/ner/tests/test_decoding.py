"""Labels from logits: over windows, under the rules of the scheme, against every path counted out."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from bertrun_ner.decoding import TOGETHER, decode
from bertrun_ner.schemes import BIOES, IO, IOB2, Scheme, label_names, strict_spans
from bertrun_ner.sentence import Sentence, from_words
from bertrun_ner.windows import stretches
from numpy.typing import NDArray

from bert_core import Window

Array = NDArray[Any]
WELL_FORMED = {
    "IO": r"(O |A |B )*",
    "IOB2": r"(O |B-A (I-A )*|B-B (I-B )*)*",
    "BIOES": r"(O |S-A |S-B |B-A (I-A )*E-A |B-B (I-B )*E-B )*",
}
SCHEMES = pytest.mark.parametrize("scheme", [IO, IOB2, BIOES], ids=str)


def sentences(lengths: Sequence[int]) -> list[Sentence]:
    return [from_words([f"w{number}"] * length) for number, length in enumerate(lengths)]


def cut(lengths: Sequence[int], room: int) -> list[tuple[Window, slice]]:
    """The windows of sentences whose words have one piece each, and of each the words at home in it."""
    made = []
    for example, length in enumerate(lengths):
        for one in stretches([1] * length, room):
            home = slice(one.home_start, one.home_end)
            window = Window(example=example, input_ids=[], token_type_ids=[], features={}, place=home.stop - home.start)
            made.append((window, home))
    return made


def decoded(logits: Sequence[Array], labels: Sequence[str], *, room: int = 1000, parameters: Any = None) -> Any:
    """Decode through windows whose logits are padded with what must not be looked at."""
    lengths = [len(one) for one in logits]
    made = cut(lengths, room)
    padding = np.full((3, len(labels)), 1e9, np.float32)
    outputs = [np.concatenate([logits[window.example][home], padding]) for window, home in made]
    return decode(sentences(lengths), [window for window, _ in made], outputs, parameters or {}, labels)


def drawn(seed: int, lengths: Sequence[int], labels: Sequence[str]) -> list[Array]:
    draw = np.random.default_rng(seed)
    return [draw.normal(0, 3, (length, len(labels))).astype(np.float32) for length in lengths]


def crf(seed: int, labels: Sequence[str]) -> dict[str, Array]:
    draw, size = np.random.default_rng([seed, 1]), len(labels)
    names = {"transitions": (size, size), "start_transitions": (size,), "end_transitions": (size,)}
    return {f"crf.{name}": draw.normal(0, 2, shape).astype(np.float32) for name, shape in names.items()}


@SCHEMES
@pytest.mark.parametrize("room", [2, 5, 8])
def test_a_sentence_in_windows_is_decoded_as_a_whole(scheme: Scheme, room: int) -> None:
    labels = label_names("AB", scheme)
    logits = drawn(room, [23, 1, 9, 0, 40], labels)
    tables = crf(room, labels)
    for parameters in ({}, tables):
        whole = decoded(logits, labels, parameters=parameters)
        assert decoded(logits, labels, room=room, parameters=parameters) == whole


@SCHEMES
def test_no_logits_give_tags_that_the_scheme_forbids(scheme: Scheme) -> None:
    labels = label_names("AB", scheme)
    logits = drawn(3, list(range(1, 40)) * 4, labels)
    for parameters in ({}, crf(3, labels)):
        for tagging in decoded(logits, labels, room=6, parameters=parameters):
            assert re.fullmatch(WELL_FORMED[scheme.name], "".join(f"{tag} " for tag in tagging.tags))
            assert tagging.spans == strict_spans(tagging.tags, scheme)


@SCHEMES
@pytest.mark.parametrize("with_crf", [False, True])
def test_tags_and_scores_are_those_of_every_path_counted_out(scheme: Scheme, with_crf: bool) -> None:
    labels = label_names("AB", scheme)
    lengths = [1, 2, 3, 4] if scheme is not BIOES else [1, 2, 3]
    logits = drawn(11, lengths, labels)
    parameters = crf(11, labels) if with_crf else {}
    for scores, tagging in zip(logits, decoded(logits, labels, parameters=parameters), strict=True):
        tags, marginals = counted_out(scores, labels, scheme, parameters)
        assert tagging.tags == tags
        expected = [marginals[span.start : span.end].min() for span in tagging.spans]
        np.testing.assert_allclose(tagging.scores, expected, rtol=1e-5)


def counted_out(
    scores: Array, labels: Sequence[str], scheme: Scheme, parameters: dict[str, Array]
) -> tuple[tuple[str, ...], Array]:
    """The best well-formed path, and how much of all well-formed paths' weight agrees with it at each place."""
    size = len(labels)
    pairs = parameters.get("crf.transitions", np.zeros((size, size)))
    start, end = (parameters.get(f"crf.{name}_transitions", np.zeros(size)) for name in ("start", "end"))
    paths, totals = [], []
    for path in itertools.product(range(size), repeat=len(scores)):
        if re.fullmatch(WELL_FORMED[scheme.name], "".join(f"{labels[label]} " for label in path)):
            total = sum(float(scores[t, label]) for t, label in enumerate(path)) + start[path[0]] + end[path[-1]]
            paths.append(path)
            totals.append(total + sum(float(pairs[a, b]) for a, b in itertools.pairwise(path)))
    weights = np.exp(np.array(totals) - max(totals))
    best = paths[int(np.argmax(totals))]
    agreeing = (np.array(paths) == best) * weights[:, None]
    return tuple(labels[label] for label in best), agreeing.sum(0) / weights.sum()


def test_the_tables_of_the_crf_change_the_path() -> None:
    labels = label_names(["A"], IOB2)
    flat = [np.zeros((2, 3), np.float32)]
    tables = {"crf.transitions": np.zeros((3, 3), np.float32), "crf.start_transitions": np.zeros(3, np.float32)}
    tables["crf.end_transitions"] = np.zeros(3, np.float32)
    for wanted in (("O", "B-A"), ("B-A", "I-A"), ("B-A", "B-A")):
        transitions = tables["crf.transitions"].copy()
        transitions[labels.index(wanted[0]), labels.index(wanted[1])] = 1
        (tagging,) = decoded(flat, labels, parameters={**tables, "crf.transitions": transitions})
        assert tagging.tags == wanted
    (tagging,) = decoded(flat, labels, parameters={**tables, "crf.start_transitions": np.float32([0, 5, 0])})
    assert tagging.tags[0] == "B-A"
    (tagging,) = decoded(flat, labels, parameters={**tables, "crf.end_transitions": np.float32([0, 0, 5])})
    assert tagging.tags == ("B-A", "I-A")


def test_scores_are_probabilities() -> None:
    labels = label_names("AB", BIOES)
    even = np.zeros((4, len(labels)), np.float32)
    sure = even.copy()
    sure[:, labels.index("S-A")] = 1e4
    logits = [*drawn(5, [12] * 30, labels), even, sure]
    taggings = decoded(logits, labels, parameters=crf(5, labels))
    scores = [score for tagging in taggings for score in tagging.scores]
    assert all(len(tagging.scores) == len(tagging.spans) for tagging in taggings)
    assert min(scores) > 0
    assert max(scores) <= 1


def test_predictions_come_in_the_order_of_the_sentences() -> None:
    labels = label_names(["A"], IOB2)
    lengths = [int(length) for length in np.random.default_rng(0).integers(0, 9, 3 * TOGETHER + 5)]
    logits = drawn(8, lengths, labels)
    taggings = decoded(logits, labels, room=4)
    assert [tagging.sentence for tagging in taggings] == sentences(lengths)
    assert [len(tagging.tags) for tagging in taggings] == lengths
    for number in (0, 17, TOGETHER, len(lengths) - 1):  # alone, as together with others
        (alone,) = decoded([logits[number]], labels)
        assert alone.tags == taggings[number].tags
        np.testing.assert_allclose(alone.scores, taggings[number].scores)


def test_a_sentence_without_words_gets_an_empty_prediction() -> None:
    labels = label_names(["A"], IOB2)
    (alone,) = decoded([np.zeros((0, 3), np.float32)], labels)
    assert (alone.tags, alone.spans, alone.scores) == ((), (), ())
    assert decoded([], labels) == []
