from pathlib import Path

from bert_core.testing import MetricContract, PluginContract, TaskContract

PAIRS = Path(__file__).with_name("pairs.tsv").read_text(encoding="utf-8")


class TestPlugin(PluginContract):
    entry_point = "bertrun_acme.plugin"


class TestTask(TaskContract):
    name = "acme"
    suffix = ".tsv"
    train = PAIRS
    bad = {
        "a score that is no number": (f"{PAIRS}a cat\ta dog\tmuch\n", 5),
        "a line without a score": (f"{PAIRS}a cat\ta dog\n", 5),
    }
    text = "a cat\ta dog"


class TestMetric(MetricContract):
    name = "acme-closeness"
    predictions = (0.1, 0.5, 0.9)
    references = (0.0, 0.5, 1.0)
