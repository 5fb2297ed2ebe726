from __future__ import annotations

import math
import random
import warnings

import numpy as np
import pytest
from bertrun_classifier import metrics
from bertrun_classifier.decision import Decision
from scipy import stats
from sklearn.metrics import confusion_matrix, f1_score, matthews_corrcoef, precision_recall_fscore_support

from bert_core import DataError

EVERY = [metrics.accuracy, metrics.f1, metrics.matthews, metrics.pearson, metrics.spearman]


def drawn_ids(seed, classes):
    rng = random.Random(seed)
    gold = [rng.randrange(classes) for _ in range(rng.randint(1, 40))]
    return [one if rng.random() < 0.6 else rng.randrange(classes) for one in gold], gold


def drawn_numbers(seed):
    rng = np.random.default_rng(seed)
    gold = np.round(rng.uniform(0, 5, size=rng.integers(2, 60)), 1)  # as in STS-B, with ties
    return gold + rng.normal(size=gold.shape) * rng.choice([0.1, 1, 10]), gold


@pytest.mark.parametrize("classes", [1, 2, 3, 15])
@pytest.mark.parametrize("seed", range(25))
def test_scores_of_classes_are_those_of_their_definitions(seed, classes):
    predicted, gold = drawn_ids(seed, classes)
    assert metrics.accuracy(predicted, gold)["accuracy"] == pytest.approx(defined_accuracy(predicted, gold))
    assert metrics.f1(predicted, gold) == pytest.approx(defined_f1(predicted, gold))
    assert metrics.matthews(predicted, gold)["matthews"] == pytest.approx(defined_matthews(predicted, gold), abs=1e-12)


def defined_accuracy(predicted, gold):
    return sum(one == other for one, other in zip(predicted, gold, strict=True)) / len(gold)


def defined_f1(predicted, gold):
    pairs, labels = list(zip(predicted, gold, strict=True)), sorted({*predicted, *gold})
    by_class = {one: 2 * pairs.count((one, one)) / (predicted.count(one) + gold.count(one)) for one in labels}
    scores = {"macro_f1": sum(by_class.values()) / len(labels), "micro_f1": defined_accuracy(predicted, gold)}
    scores["weighted_f1"] = sum(by_class[one] * gold.count(one) for one in labels) / len(gold)
    return {**scores, "f1": by_class.get(1, 0)} if labels[-1] <= 1 else scores


def defined_matthews(predicted, gold):
    """Gorodkin (2004): the correlation of the one-hot matrices of both."""
    labels = np.arange(max(*predicted, *gold) + 1)
    one_hot = [np.equal.outer(ids, labels) - np.equal.outer(ids, labels).mean(0) for ids in (predicted, gold)]
    together, own, other = ((a * b).sum() for a, b in (one_hot, one_hot[:1] * 2, one_hot[1:] * 2))
    return together / math.sqrt(own * other) if own and other else 0.0


@pytest.mark.parametrize("seed", range(25))
def test_binary_scores_are_those_of_scikit_learn(seed):
    predicted, gold = drawn_ids(seed, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert metrics.f1(predicted, gold)["f1"] == f1_score(gold, predicted)
        assert metrics.matthews(predicted, gold)["matthews"] == matthews_corrcoef(gold, predicted)


@pytest.mark.parametrize("seed", range(40))
def test_correlations_are_those_of_their_definitions(seed):
    predicted, gold = drawn_numbers(seed)
    ranks = [
        [sum(other < one for other in values) + sum(other == one for other in values) / 2 for one in values]
        for values in (predicted, gold)
    ]
    assert metrics.pearson(predicted, gold)["pearson"] == pytest.approx(np.corrcoef(predicted, gold)[0, 1])
    assert metrics.spearman(predicted, gold)["spearman"] == pytest.approx(np.corrcoef(*ranks)[0, 1])
    assert metrics.pearson(predicted, gold)["pearson"] == pytest.approx(stats.pearsonr(predicted, gold).statistic)
    assert metrics.spearman(predicted, gold)["spearman"] == pytest.approx(stats.spearmanr(predicted, gold).statistic)


def test_micro_f1_is_the_accuracy_and_f1_is_that_of_class_1():
    scores = metrics.f1([1, 1, 0, 0], [1, 0, 1, 0])
    assert scores == {"macro_f1": 0.5, "micro_f1": 0.5, "weighted_f1": 0.5, "f1": 0.5}
    assert metrics.f1([1, 0, 0], [1, 1, 0])["f1"] == pytest.approx(2 / 3)
    assert "f1" not in metrics.f1([1, 0, 2], [1, 1, 0])


@pytest.mark.parametrize(
    ("predicted", "gold"),
    [([0, 0, 0], [0, 1, 1]), ([0, 1, 1], [1, 1, 1]), ([0, 0], [0, 0]), ([2, 2], [1, 1]), ([1], [1])],
)
def test_what_never_varies_is_not_correlated(predicted, gold):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert metrics.matthews(predicted, gold) == {"matthews": 0}
        assert metrics.pearson(predicted, gold) == {"pearson": 0}
        assert metrics.spearman(predicted, gold) == {"spearman": 0}


def test_class_1_in_neither_has_an_f1_of_0():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert metrics.f1([0, 0], [0, 0]) == {"macro_f1": 1, "micro_f1": 1, "weighted_f1": 1, "f1": 0}


@pytest.mark.parametrize("scale", [5e-324, 1e-200, 1e200, 5e307])
def test_numbers_of_any_size_have_a_correlation(scale):
    score = metrics.pearson([1 * scale, 2 * scale, 3 * scale], [1, 2, 3])["pearson"]
    assert score == pytest.approx(1)


def test_one_order_is_a_spearman_of_1_and_the_other_of_minus_1():
    assert metrics.spearman([0.1, 7, 9000], [1, 2, 3])["spearman"] == pytest.approx(1)
    assert metrics.spearman([0.1, 7, 9000], [3, 2, 1])["spearman"] == pytest.approx(-1)
    assert metrics.pearson([0.1, 7, 9000], [1, 2, 3])["pearson"] < 0.9


@pytest.mark.parametrize("metric", EVERY)
def test_a_set_without_an_example_is_an_error(metric):
    with pytest.raises(DataError, match="no example"):
        metric([], [])


@pytest.mark.parametrize("metric", EVERY)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_value_that_is_not_finite_is_an_error(metric, bad):
    with pytest.raises(DataError, match=f"prediction 2 is {bad}, which is not a finite number"):
        metric([0, bad, 1], [0, 1, 1])


@pytest.mark.parametrize("metric", EVERY[:3])
@pytest.mark.parametrize("bad", [-100, 0.5])
def test_what_is_no_class_id_is_an_error(metric, bad):
    with pytest.raises(DataError, match=f"reference 3 is {bad}, which is not a class id"):
        metric([0, 1, 1], [0, 1, bad])


@pytest.mark.parametrize("metric", EVERY)
def test_predictions_and_references_of_different_lengths_are_refused(metric):
    with pytest.raises(ValueError, match=r"shape \(2,\) and references \(3,\)"):
        metric([0, 1], [0, 1, 1])


def decisions(rows, common=(0,), *, several=True):
    names = ("a", "b", "c")
    return [
        Decision(names=names, chosen=tuple(np.flatnonzero(row).tolist()), several=several, common=common)
        for row in rows
    ]


@pytest.mark.parametrize("seed", range(20))
def test_scores_of_sets_and_of_single_classes_are_those_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    gold = rng.random((rng.integers(1, 30), 3)) < 0.4
    said = np.where(rng.random(gold.shape) < 0.7, gold, ~gold)
    there = np.flatnonzero((gold | said).any(0)).tolist()
    scores = metrics.label_sets(decisions(said), decisions(gold))
    assert scores["exact"] == pytest.approx((gold == said).all(1).mean())
    for mean in ("micro", "macro", "weighted"):
        expected = f1_score(gold, said, average=mean, labels=there, zero_division=0) if there else 0.0
        assert scores[f"{mean}_f1"] == pytest.approx(expected)
    per_class = metrics.classes(decisions(said), decisions(gold))
    expected = precision_recall_fscore_support(gold, said, zero_division=0)
    for number in there:
        found = [per_class[f"{name}/{'abc'[number]}"] for name in ("precision", "recall", "f1", "support")]
        assert found == pytest.approx([values[number] for values in expected])
    assert len(per_class) == 4 * len(there)


@pytest.mark.parametrize("seed", range(10))
def test_confusion_is_that_of_scikit_learn_and_majority_that_of_a_constant(seed):
    rng = np.random.default_rng(seed)
    gold, said = rng.integers(0, 3, (2, 25))
    ones = [decisions(np.eye(3)[ids], several=False) for ids in (said, gold)]
    shares = confusion_matrix(gold, said, labels=range(3), normalize="true")
    found = metrics.confusion(*ones)
    assert all(found[f"as {'abc'[j]}/{'abc'[i]}"] == pytest.approx(shares[i, j]) for i in range(3) for j in range(3))
    assert metrics.accuracy(*ones) == metrics.accuracy(said, gold)
    assert metrics.matthews(*ones) == metrics.matthews(said, gold)
    assert metrics.majority(*ones) == {
        "majority_accuracy": pytest.approx((gold == 0).mean()),
        "majority_macro_f1": pytest.approx(f1_score(gold, np.zeros(25), average="macro")),
    }


def test_majority_of_sets_and_of_what_nobody_knows():
    gold = decisions([[1, 0, 0], [0, 0, 0], [1, 1, 0]], common=())
    assert metrics.majority(gold, gold)["majority_exact"] == pytest.approx(1 / 3)
    assert metrics.majority(gold, decisions([[1, 0, 0]], common=None)) == {}


@pytest.mark.parametrize("metric", [metrics.label_sets, metrics.classes, metrics.confusion, metrics.majority])
def test_no_decision_is_an_error(metric):
    with pytest.raises(DataError, match="there is no example to score"):
        metric([], [])
