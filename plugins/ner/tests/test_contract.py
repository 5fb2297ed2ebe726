"""What every plugin, every task and every metric keeps, of this plugin's."""

from __future__ import annotations

from pathlib import Path

import pytest
from bertrun_ner.metrics import Tagging
from bertrun_ner.schemes import lenient_spans
from bertrun_ner.sentence import from_words

from bert_core.testing import MetricContract, PluginContract, TaskContract

SENTENCES = """\
ana B-PER
lives O
in O
porto B-LOC

the O
sleeper O
left O
zürich B-LOC
central I-LOC
late O

bo B-PER
li I-PER
sang O

rain O
fell O
on O
oslo B-LOC
and O
on O
ana B-PER
bo I-PER
"""


def tagged(*lines: str) -> tuple[Tagging, ...]:
    """A sentence of words for each line of tags."""
    rows = [tuple(line.split()) for line in lines]
    return tuple(
        Tagging(
            sentence=from_words([f"w{place}" for place, _ in enumerate(tags)], spans=(), tags=tags),
            tags=tags,
            spans=tuple(lenient_spans(tags)),
        )
        for tags in rows
    )


class TestContract(PluginContract):
    entry_point = "bertrun_ner.plugin"
    readme = Path(__file__).parents[1] / "README.md"


class TestNer(TaskContract):
    name = "ner"
    suffix = ".conll"
    train = SENTENCES
    text = "ana left oslo late"
    bad = {
        "a line without a tag": (f"{SENTENCES}\nana B-PER\nleft\n", 27),
        "a type that was not learnt": (f"{SENTENCES}\nana B-DOG\n", 26),
    }


@pytest.mark.slow
class TestCrf(TestNer):
    options = {"crf": True}


class Tags(MetricContract):
    predictions = tagged("B-PER O B-LOC I-LOC", "O O", "B-PER I-PER O")
    references = tagged("B-PER O B-LOC O", "O B-LOC", "B-PER I-PER O")
    degenerate = (
        (tagged("O O", "O"), tagged("O O", "O")),
        (tagged("B-PER O"), tagged("O O")),
        (tagged("O O"), tagged("B-PER O")),
    )
    others = {"support": (0, None)}


class TestSpans(Tags):
    name = "spans"


class TestConlleval(Tags):
    name = "conlleval"


class TestCluener(Tags):
    name = "cluener"


class TestTokens(Tags):
    name = "tokens"
