"""Writes a table beside the run: a row for each step and each evaluation, for spreadsheets."""

import csv

from bert_core import hookimpl

COLUMNS = ("step", "epoch", "loss", "learning_rate", "score", "value")


class Table:
    """One run's `table.csv`; a run that goes on adds to it."""

    def __init__(self):
        self.last = 0

    @hookimpl
    def bertrun_on_run_begin(self, run):
        path = run.folder / "table.csv"
        new = not path.exists()
        self.file = path.open("a", newline="", encoding="utf-8")
        self.rows = csv.DictWriter(self.file, COLUMNS)
        if new:
            self.rows.writeheader()

    @hookimpl
    def bertrun_on_step_end(self, run, step):
        self.last = step.step
        self.rows.writerow({name: getattr(step, name) for name in COLUMNS[:4]})

    @hookimpl
    def bertrun_on_eval_end(self, run, scores):
        for name, value in scores.items():
            self.rows.writerow({"step": self.last, "score": name, "value": value})

    @hookimpl
    def bertrun_on_run_end(self, run, outcome):
        self.file.close()


table = Table()
