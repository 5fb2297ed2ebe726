from pathlib import Path
from types import SimpleNamespace

from bert_core.testing import PluginContract

from bertrun_acme.plugin import Acme, rows


class TestPlugin(PluginContract):
    entry_point = "bertrun_acme.plugin"


def begun(folder: Path, steps_before: int) -> Acme:
    tracker = Acme()
    tracker.bertrun_on_run_begin(SimpleNamespace(folder=folder, steps_before=steps_before))
    return tracker


def step(number: int) -> SimpleNamespace:
    return SimpleNamespace(step=number, epoch=0.5, loss=0.25, learning_rate=1e-3)


def test_steps_and_scores_are_rows(tmp_path: Path):
    tracker = begun(tmp_path, steps_before=0)
    tracker.bertrun_on_step_end(step(1))
    tracker.bertrun_on_eval_end({"f1": 0.5}, at_step=1)
    tracker.bertrun_on_run_end()
    first, second = rows(tmp_path / "acme.csv")
    assert (first["step"], first["loss"]) == ("1", "0.25")
    assert (second["step"], second["score"], second["value"]) == ("1", "f1", "0.5")


def test_a_run_that_goes_on_has_each_step_once(tmp_path: Path):
    tracker = begun(tmp_path, steps_before=0)
    for number in (1, 2, 3):
        tracker.bertrun_on_step_end(step(number))
    tracker = begun(tmp_path, steps_before=2)
    tracker.bertrun_on_step_end(step(3))
    tracker.bertrun_on_run_end()
    assert [row["step"] for row in rows(tmp_path / "acme.csv")] == ["1", "2", "3"]
