"""A table of a run, for spreadsheets: `acme.csv` in its folder, a row for each step and each score."""

import csv

from bert_core import hookimpl

COLUMNS = ("step", "epoch", "loss", "learning_rate", "score", "value")


def write(run, rows):
    path = run.folder / "acme.csv"
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        if new:
            table.writeheader()
        table.writerows(rows)


@hookimpl
def bertrun_on_step_end(run, step):
    write(run, [{name: getattr(step, name) for name in COLUMNS[:4]}])


@hookimpl
def bertrun_on_eval_end(run, scores):
    write(run, [{"score": name, "value": value} for name, value in scores.items()])
