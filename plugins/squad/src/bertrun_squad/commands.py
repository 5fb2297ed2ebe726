"""`bertrun score squad`: the official scores of a file of predictions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import click

from bert_core import DataError, UsageError

METRICS = ("auto", "squad", "squad2", "cmrc")
FILE = click.Path(path_type=Path)


@click.command("score squad")
@click.option("--data", required=True, type=FILE, metavar="FILE", help="The questions with their answers.")
@click.option("--predictions", required=True, type=FILE, metavar="FILE", help="JSON: the answer to each question's id.")
@click.option("--null-odds", type=FILE, metavar="FILE", help="JSON: how much speaks for no answer, by id.")
@click.option("--metric", type=click.Choice(METRICS), default="auto", show_default=True, help="Which scores.")
def score(data: Path, predictions: Path, null_odds: Path | None, metric: str) -> None:
    """Print the scores of predictions.json as one JSON object, as the official evaluations count them.

    A question without a prediction counts as wrong; where questions may have no answer, it is an error.

    \b
    Example:
      bertrun score squad --data dev.json --predictions predictions.json
    """
    click.echo(json.dumps(scores_of(data, predictions, null_odds, metric)))


def scores_of(data: Path, predictions: Path, null_odds: Path | None, metric: str) -> Mapping[str, float]:
    """The scores of a file of predictions.

    Args:
        data: The questions.
        predictions: A JSON object of answers by the ids of questions.
        null_odds: A JSON object of numbers by the ids of questions.
        metric: Its name; `auto` takes what suits the questions.

    Raises:
        DataError: A file is not of that form, or has nothing on a question that it needs.
        UsageError: Odds are given to a metric that has no use for them.
    """
    from . import scores
    from .options import SquadOptions
    from .prediction import Prediction
    from .task import SquadTask

    task = SquadTask(SquadOptions(metric=cast(Any, metric)))
    questions = task.read(data, "test").examples
    (name,) = task.metrics
    if null_odds is not None and name != "squad2":
        raise UsageError(f"--null-odds is of no use to the scores '{name}'", hint="Say --metric squad2")
    ids = [question.id for question in questions]
    texts = _by_id(predictions, (str,), "a text")
    _check(ids, texts, predictions, whole=name == "squad2")
    odds = {} if null_odds is None else _by_id(null_odds, (int, float), "a number")
    if null_odds is not None:
        _check(ids, odds, null_odds, whole=True)
    found = [Prediction(text=texts.get(one, ""), null_odds=odds.get(one)) for one in ids]
    scored: Mapping[str, float] = getattr(scores, name)(found, [task.reference(one) for one in questions])
    return scored


def _by_id(path: Path, types: tuple[type, ...], what: str) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror}", where=path) from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"the file is not JSON: {error}", where=path) from None
    if not isinstance(values, dict):
        raise DataError("the file is no JSON object of values by the ids of questions", where=path)
    wrong = next((key for key, value in values.items() if not isinstance(value, types) or value is True), None)
    if wrong is not None:
        raise DataError(f"the value of question {wrong} is not {what}", where=path)
    return values


def _check(ids: Sequence[str], values: Mapping[str, Any], path: Path, *, whole: bool) -> None:
    missing = [one for one in ids if one not in values]
    if len(missing) == len(ids) or (whole and missing):
        what = f"{len(missing):,} of {len(ids):,} questions are not in the file, the first of them {missing[0]}"
        raise DataError(what, where=path, hint="Is it about the same data?")
    if missing:
        click.echo(f"{len(missing):,} of {len(ids):,} questions have no prediction and count as wrong", err=True)
