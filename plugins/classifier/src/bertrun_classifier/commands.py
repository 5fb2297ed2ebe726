"""`bertrun score classification`: the scores of a file of classes or numbers, whichever system made it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import click

from bert_core import UsageError

from .options import ClassifierOptions, Dataset

FILE = click.Path(path_type=Path)
FORMATS = ("auto", "csv", "tsv", "jsonl")


@click.command("score classification")
@click.option("--data", required=True, type=FILE, metavar="FILE", help="Examples with the right labels.")
@click.option(
    "--predictions",
    required=True,
    type=FILE,
    metavar="FILE",
    help="A label for each example of --data, in its order: one a line, or in a column of csv, tsv or JSON lines.",
)
@click.option("--prediction-column", metavar="NAME", help="Column of the predicted label; by default by its name.")
@click.option("--dataset", type=click.Choice(get_args(Dataset)), help="Published set that --data is of.")
@click.option("--data-format", type=click.Choice(FORMATS), default="auto", show_default=True, help="Format of --data.")
@click.option("--text-column", default="text", show_default=True, metavar="NAME", help="Column of the text.")
@click.option("--label-column", default="label", show_default=True, metavar="NAME", help="Column of the right label.")
@click.option("--header/--no-header", default=True, help="--data begins with the names of columns.")
@click.option("--multi-label", is_flag=True, help="An example has any number of classes.")
@click.option(
    "--label-separator", default=",", show_default=True, metavar="TEXT", help="What parts several classes in a column."
)
@click.option("--regression", is_flag=True, help="Labels are numbers.")
@click.option("--label-file", type=FILE, metavar="FILE", help="The classes, one a line; others are refused.")
def score(
    data: Path,
    predictions: Path,
    prediction_column: str | None,
    dataset: Dataset | None,
    data_format: str,
    text_column: str,
    label_column: str,
    header: bool,
    multi_label: bool,
    label_separator: str,
    regression: bool,
    label_file: Path | None,
) -> None:
    """Print the scores of predicted classes or numbers as one JSON object, the confusion matrix among them.

    --data is any file that the task 'classifier' reads. Predictions may be the predictions.jsonl of a run, too. Rows of
    --data without a label have a prediction, which is not scored.

    \b
    Examples:
      bertrun score classification --data dev.tsv --predictions labels.txt
      bertrun score classification --data dev.tsv --dataset mnli --predictions MNLI-m.tsv
    """
    from .predicted import scores_of

    options = ClassifierOptions(
        dataset=dataset,
        data_format=data_format,  # type: ignore[arg-type]
        text_column=text_column,
        label_column=label_column,
        header=header,
        multi_label=multi_label,
        label_separator=label_separator,
        regression=regression,
        label_file=label_file,
    )
    for problem in options.problems():
        raise UsageError(problem)
    click.echo(json.dumps(scores_of(data, predictions, prediction_column, options)))
