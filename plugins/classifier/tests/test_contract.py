"""What every plugin, every task and every metric keeps, of this plugin's."""

from __future__ import annotations

from pathlib import Path

from bert_core.testing import PluginContract, TaskContract
from bert_core.testing.tiny import TINY_LINES

TABLE = "text\tlabel\n" + "".join(f"{text}\t{label}\n" for label, text in TINY_LINES)


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
