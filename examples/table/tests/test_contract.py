import csv
from pathlib import Path
from types import SimpleNamespace

from bert_core.testing import PluginContract

from bertrun_table import plugin


class TestPlugin(PluginContract):
    entry_point = "bertrun_table.plugin"


def test_steps_and_scores_are_rows(tmp_path: Path):
    run = SimpleNamespace(folder=tmp_path)
    step = SimpleNamespace(step=1, epoch=0.5, loss=0.25, learning_rate=1e-3)
    plugin.bertrun_on_step_end(run, step)
    plugin.bertrun_on_eval_end(run, {"f1": 0.5})
    with (tmp_path / "table.csv").open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert (first["step"], first["loss"]) == ("1", "0.25")
    assert (second["score"], second["value"]) == ("f1", "0.5")
