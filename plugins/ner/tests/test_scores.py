from __future__ import annotations

import json
import random
import warnings
from pathlib import Path

import pytest
from bertrun_ner.files import read_sentences
from bertrun_ner.schemes import BIOES, IOB2, lenient_spans, strict_spans
from bertrun_ner.scores import cluener_score, span_scores, token_accuracy
from bertrun_ner.sentence import Span, from_text
from seqeval.metrics import classification_report
from seqeval.scheme import IOB2 as SEQEVAL_IOB2
from seqeval.scheme import IOBES as SEQEVAL_IOBES

GOLDEN = json.loads((Path(__file__).parent / "goldens" / "conlleval.json").read_text(encoding="utf-8"))
DATA = Path(__file__).parents[4] / "shared" / "data"


def random_tags(seed, letters):
    rng = random.Random(seed)
    labels = ["O", "O", *(f"{letter}-{name}" for letter in letters for name in ("PER", "LOC", "creative-work"))]
    gold = [rng.choices(labels, k=rng.randint(1, 8)) for _ in range(12)]
    return gold, [[tag if rng.random() < 0.6 else rng.choice(labels) for tag in tags] for tags in gold]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    ("letters", "read", "options"),
    [
        ("BI", lambda tags: strict_spans(tags, IOB2), {"mode": "strict", "scheme": SEQEVAL_IOB2}),
        ("BIES", lambda tags: strict_spans(tags, BIOES), {"mode": "strict", "scheme": SEQEVAL_IOBES}),
        ("BI", lenient_spans, {}),
        ("BIES", lenient_spans, {}),
    ],
    ids=["strict-IOB2", "strict-IOBES", "default-IOB", "default-IOBES"],
)
def test_scores_are_those_of_seqeval(seed, letters, read, options):
    gold, predicted = random_tags(seed, letters)
    ours = span_scores([read(tags) for tags in predicted], [read(tags) for tags in gold])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = classification_report(gold, predicted, output_dict=True, **options)
    expected = {"macro_f1": theirs.pop("macro avg")["f1-score"]}
    micro = theirs.pop("micro avg")
    del theirs["weighted avg"]
    expected |= {"precision": micro["precision"], "recall": micro["recall"], "f1": micro["f1-score"]}
    for name, report in theirs.items():
        for ours_name, theirs_name in (("f1", "f1-score"), *((one, one) for one in ("precision", "recall", "support"))):
            expected[f"{ours_name}/{name}"] = report[theirs_name]
    assert ours == pytest.approx(expected)


def wnut_dev():
    path = DATA / "wnut17" / "emerging.dev.conll"
    if not path.exists():
        pytest.skip(f"real data is not here: {path}")
    gold = [list(sentence.tags) for sentence in read_sentences(path).sentences]
    predicted = [list(tags) for tags in gold]
    for sentence, unit, tag in GOLDEN["wnut17-dev"]["changes"]:
        predicted[sentence][unit] = tag
    return gold, predicted


@pytest.mark.parametrize("case", [0, 1, 2, "wnut17-dev"])
def test_scores_are_those_of_conlleval(case):
    if case == "wnut17-dev":
        (gold, predicted), recorded = wnut_dev(), GOLDEN["wnut17-dev"]["conlleval"]
    else:
        gold, predicted, recorded = (GOLDEN["random"][case][name] for name in ("gold", "predicted", "conlleval"))
    found, wanted = [lenient_spans(tags) for tags in predicted], [lenient_spans(tags) for tags in gold]
    scores = span_scores(found, wanted)
    assert sum(map(len, wanted)) == recorded["gold"]
    assert sum(map(len, found)) == recorded["found"]
    assert scores["precision"] == recorded["correct"] / recorded["found"]
    assert scores["recall"] == recorded["correct"] / recorded["gold"]
    percents = {"f1": recorded["f1"], "accuracy": recorded["accuracy"]}
    for name, numbers in recorded["types"].items():
        percents |= {f"{score}/{name}": numbers[score] for score in ("precision", "recall", "f1")}
    scores["accuracy"] = token_accuracy(predicted, gold)
    assert {name: 100 * scores[name] for name in percents} == pytest.approx(percents, abs=0.0051)


def test_nothing_found_and_nothing_to_find_are_0_and_not_an_error():
    assert span_scores([[]], [[]]) == {"precision": 0, "recall": 0, "f1": 0, "macro_f1": 0}
    scores = span_scores([[Span("A", 0, 1)]], [[Span("B", 0, 1)]])
    assert scores["f1/A"] == scores["recall/A"] == scores["support/A"] == scores["precision/B"] == 0
    assert scores["support/B"] == 1


def test_predictions_and_gold_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="argument 2 is longer"):
        span_scores([[]], [[], []])


def reference_cluener(predicted, gold):
    """CLUENER's rule on its own JSON labels, written down once more from its description."""
    f1s = {}
    for name in {name for label in [*predicted, *gold] for name in label}:
        right = found = wanted = 0
        for one, other in zip(predicted, gold, strict=True):
            found += len(one.get(name, {}))
            wanted += len(other.get(name, {}))
            right += sum(mention in other.get(name, {}) for mention in one.get(name, {}))
        precision, recall = right / found if found else 0, right / wanted if wanted else 0
        f1s[name] = 2 * precision * recall / (precision + recall) if right else 0
    return {"cluener_f1": sum(f1s.values()) / len(f1s), **{f"cluener_f1/{name}": f1 for name, f1 in f1s.items()}}


def as_label(sentence, spans):
    label = {}
    for span in spans:
        start, end = sentence.characters(span)
        label.setdefault(span.type, {}).setdefault(sentence.mention(span), []).append([start, end - 1])
    return label


@pytest.mark.parametrize("seed", range(15))
def test_the_cluener_score_is_that_of_its_definition(seed):
    rng = random.Random(seed)
    sentences = [from_text("".join(rng.choices("甲乙 丙", k=8)) + "丁", "character") for _ in range(10)]
    drawn = [[_random_spans(rng, len(sentence.units)) for sentence in sentences] for _ in range(2)]
    labels = [[as_label(*pair) for pair in zip(sentences, spans, strict=True)] for spans in drawn]
    assert cluener_score(*drawn, sentences) == pytest.approx(reference_cluener(*labels))


def _random_spans(rng, length):
    cuts = sorted(rng.sample(range(length + 1), 2)) if length > 1 else [0, 1]
    return [Span(rng.choice(["book", "movie"]), *cuts)]


def test_the_cluener_score_counts_a_mention_once_a_line_wherever_it_stands():
    sentences = [from_text("北京北京", "character")]
    gold, predicted = [[Span("address", 0, 2), Span("address", 2, 4)]], [[Span("address", 2, 4)]]
    assert cluener_score(predicted, gold, sentences) == {"cluener_f1": 1, "cluener_f1/address": 1}


def test_the_cluener_score_of_an_absent_type_is_0():
    sentences = [from_text("北京", "character")]
    scores = cluener_score([[Span("book", 0, 1)]], [[Span("address", 0, 2)]], sentences)
    assert scores == {"cluener_f1": 0, "cluener_f1/address": 0, "cluener_f1/book": 0}
    assert cluener_score([[]], [[]], sentences) == {"cluener_f1": 0}


def test_token_accuracy():
    assert token_accuracy([["O", "B-A"], ["O"]], [["O", "I-A"], ["O"]]) == pytest.approx(2 / 3)
    assert token_accuracy([], []) == 0
