"""What every plugin, every task and every metric keeps, of this plugin's."""

from __future__ import annotations

from pathlib import Path

import pytest
from bertrun_classifier.decision import Decision

from bert_core.testing import TINY_LINES, MetricContract, PluginContract, TaskContract

TABLE = "text\tlabel\n" + "".join(f"{text}\t{label}\n" for label, text in TINY_LINES)
NUMBERS = "text\tlabel\n" + "".join(f"{text}\t{len(text) / 10}\n" for _, text in TINY_LINES)
NAMES = ("animal", "place", "thing")


def said(*numbers: int) -> tuple[Decision, ...]:
    return tuple(Decision(names=NAMES, chosen=(number,), common=(0,)) for number in numbers)


def sets(*chosen: tuple[int, ...]) -> tuple[Decision, ...]:
    return tuple(Decision(names=NAMES, chosen=one, several=True, common=(0,)) for one in chosen)


class TestContract(PluginContract):
    entry_point = "bertrun_classifier.plugin"
    readme = Path(__file__).parents[1] / "README.md"


class TestClasses(TaskContract):
    name = "classifier"
    suffix = ".tsv"
    train = TABLE
    bad = {
        "a row with a column too many": (f"{TABLE}a cat\tanimal\tmore\n", 10),
        "a class that was not learnt": (f"{TABLE}a stone\tthing\n", 10),
    }


@pytest.mark.slow
class TestNumbers(TestClasses):
    options = {"regression": True}
    train = NUMBERS
    bad = {"a number that is none": (f"{NUMBERS}a cat\tmuch\n", 10)}


@pytest.mark.slow
class TestSets(TestClasses):
    options = {"multi_label": True}


class Classes(MetricContract):
    predictions = said(0, 1, 1, 2, 0)
    references = said(0, 1, 0, 2, 1)
    degenerate = ((said(0, 0), said(1, 1)), (said(1, 1), said(1, 1)))
    others = {"support/": (0, None)}


class TestAccuracy(Classes):
    name = "accuracy"


class TestF1(Classes):
    name = "f1"


class TestMatthews(Classes):
    name = "matthews"
    bounds = (-1, 1)


class TestEachClass(Classes):
    name = "classes"


class TestConfusion(Classes):
    name = "confusion"


class TestMajority(Classes):
    name = "majority"


class TestLabelSets(MetricContract):
    name = "label-sets"
    predictions = sets((0,), (), (0, 1), (2,))
    references = sets((0, 1), (), (0, 1), (1,))
    degenerate = ((sets((), ()), sets((), ())), (sets((), ()), sets((0,), (1,))))


class Correlation(MetricContract):
    predictions = (0.5, 1.0, 2.5, 2.0)
    references = (0.0, 1.5, 2.0, 3.0)
    degenerate = (((1.0, 1.0), (0.0, 2.0)), ((0.0, 2.0), (1.0, 1.0)))
    bounds = (-1, 1)


class TestPearson(Correlation):
    name = "pearson"


class TestSpearman(Correlation):
    name = "spearman"
