"""A table of a run, for spreadsheets: `acme.csv` in its folder, a row for each step and each score."""

import csv

from bert_core import TrackerSpec, hookimpl

COLUMNS = ("step", "epoch", "loss", "learning_rate", "score", "value")


class Acme:
    @hookimpl
    def bertrun_on_run_begin(self, run):
        """Open the table; a run that goes on keeps the rows of the steps that it goes on from."""
        path = run.folder / "acme.csv"
        kept = [row for row in rows(path) if int(row["step"]) <= run.steps_before] if path.exists() else []
        self.file = path.open("w", buffering=1, newline="", encoding="utf-8")
        self.table = csv.DictWriter(self.file, COLUMNS)
        self.table.writeheader()
        self.table.writerows(kept)

    @hookimpl
    def bertrun_on_step_end(self, step):
        self.table.writerow({name: getattr(step, name) for name in COLUMNS[:4]})

    @hookimpl
    def bertrun_on_eval_end(self, scores, at_step):
        self.table.writerows({"step": at_step, "score": name, "value": value} for name, value in scores.items())

    @hookimpl
    def bertrun_on_run_end(self):
        self.file.close()


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@hookimpl
def bertrun_register_trackers():
    summary = "A table of the run: `acme.csv` in its folder."
    yield TrackerSpec(name="acme", summary=summary, build=lambda options: Acme())
