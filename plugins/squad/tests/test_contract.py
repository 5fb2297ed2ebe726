"""What every plugin, every task and every metric keeps, of this plugin's."""

from __future__ import annotations

import json
from pathlib import Path

from bertrun_squad.prediction import Prediction

from bert_core.testing import MetricContract, PluginContract, TaskContract

TEXTS = {
    "oslo is in norway": [("what", "oslo"), ("where is it", "norway")],
    "the road to porto goes by the sea": [("where to", "porto"), ("by what", "the sea")],
    "a dog ran": [("who", "a dog")],
}


def questions() -> str:
    paragraphs = [
        {
            "context": context,
            "qas": [
                {
                    "id": f"{number}.{place}",
                    "question": question,
                    "answers": [{"text": answer, "answer_start": context.index(answer)}],
                }
                for place, (question, answer) in enumerate(asked)
            ],
        }
        for number, (context, asked) in enumerate(TEXTS.items())
    ]
    return json.dumps({"data": [{"paragraphs": paragraphs}]}, indent=1)


def answers(*texts: str) -> tuple[Prediction, ...]:
    return tuple(Prediction(text=text) for text in texts)


class TestContract(PluginContract):
    entry_point = "bertrun_squad.plugin"
    readme = Path(__file__).parents[1] / "README.md"


class TestSquad(TaskContract):
    name = "squad"
    suffix = ".json"
    train = questions()
    text = "where\toslo is in norway"
    bad = {"JSON that ends early": ('{"data": [\n{"paragraphs": [\n', 2)}
    options = {"max_query_length": 8, "doc_stride": 8}


class Answers(MetricContract):
    predictions = answers("oslo", "in norway", "sea", "")
    references = (("oslo", "Oslo"), ("norway",), ("the sea",), ("a dog",))
    degenerate = ((answers("", ""), (("oslo",), ("norway",))), (answers("the"), (("a",),)))
    bounds = (0, 100)


class TestSquadScores(Answers):
    name = "squad"


class TestUnanswerable(Answers):
    name = "squad2"
    references = (("oslo",), ("norway",), ("the sea",), ())
    degenerate = ((answers("", ""), ((), ())), (answers("oslo"), ((),)), (answers(""), (("oslo",),)))
    others = {"total": (0, None), "HasAns_total": (0, None), "NoAns_total": (0, None), "best_": (None, None)}


class TestCmrc(Answers):
    name = "cmrc"
