"""`bertrun resume`, `bertrun eval` and `bertrun predict`: what is done with the folder of a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import click

from bert_core.errors import DataError, UsageError
from bert_core.phases import read_phases
from bert_core.plan import read_run_file

from .outputs import check_writable
from .starting import resume as go_on
from .state import State
from .texts import asked

RUN = click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
DEVICE = click.option("--device", metavar="NAME", help="Where to compute; by default the preferred device.")
BATCH = click.option("--batch-size", default=32, show_default=True, type=click.IntRange(min=1), help="Windows at once.")
TOGETHER = 256
Item = TypeVar("Item")


@click.command("resume")
@RUN
@click.pass_obj
def resume(state: State, run: Path) -> None:
    """Go on with a run that was stopped, from its newest whole checkpoint."""
    if not (run / "run.toml").is_file():
        raise UsageError("this folder holds no run", where=run, hint="Give the folder that --output named")
    go_on(state.manager, run)


@click.command("eval")
@RUN
@click.option(
    "--eval-data", type=click.Path(path_type=Path), metavar="FILE", help="Default: what the run was scored on."
)
@click.option("--predictions", type=click.Path(path_type=Path), metavar="FILE", help="Write a JSON line an example.")
@click.option("--json", "as_json", is_flag=True, help="Print the scores as one JSON object.")
@DEVICE
@BATCH
@click.pass_obj
def evaluate(
    state: State,
    run: Path,
    eval_data: Path | None,
    predictions: Path | None,
    as_json: bool,
    device: str | None,
    batch_size: int,
) -> None:
    """Score the best checkpoint of a run on a file."""
    from bert_core.finished import FinishedRun

    from .console import Console

    if predictions is not None:
        check_writable(predictions, "--predictions")
    predictor = FinishedRun(run, state.manager, device=device, batch_size=batch_size)
    eval_data = eval_data or _scored_on(run)
    scores, examples, predicted = predictor.evaluate(eval_data, say=lambda line: click.echo(f"eval: {line}", err=True))
    for note in predictor.notes():
        click.echo(note, err=True)
    if predictions is not None:
        rows = map(predictor.task.render, examples, predicted)
        predictions.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    console = Console(quiet=as_json, json=as_json)
    console.scores(str(eval_data or f"the sample of {predictor.task_name}"), scores)
    if as_json:
        console.final(scores)


def _scored_on(run: Path) -> Path | None:
    """The test data of a run, else its evaluation data; None for a run on the sample.

    Raises:
        UsageError: There is nothing that the run was scored on.
    """
    if not (run / "run.toml").is_file():
        raise UsageError("this folder does not say what it was scored on", where=run, hint="Give --eval-data")
    phases = read_phases(run / "run.toml")
    layer = phases[-1].layer if phases else read_run_file(run / "run.toml")[1]
    said = layer.tables.get("run", {})
    named = said.get("test_data") or said.get("eval_data")
    if named is None and "train_data" in said:
        raise UsageError("this run was not scored on anything", where=run, hint="Give --eval-data")
    return None if named is None else Path(str(named))


@click.command("predict")
@RUN
@click.argument("file", required=False, metavar="[FILE|-]")
@click.option("--text", multiple=True, help="A text to predict; may be repeated.")
@DEVICE
@BATCH
@click.pass_obj
def predict(
    state: State, run: Path, file: str | None, text: tuple[str, ...], device: str | None, batch_size: int
) -> None:
    """Predict texts: a JSON line for each, in order.

    FILE holds a text a line, or JSON lines with the task's own fields: {"text": ...}, of pairs {"text": ...,
    "text_b": ...}, of questions {"question": ..., "context": ...}; - reads standard input.
    """
    from bert_core.finished import FinishedRun

    groups = _together(asked(text, file))
    group = next(groups, [])
    predictor = FinishedRun(run, state.manager, device=device, batch_size=batch_size)
    done = 0
    while group:
        for examples in _together(predictor.example(one.said, one.where) for one in group):
            for row in predictor.predict_examples(examples):
                click.echo(json.dumps(row, ensure_ascii=False))
            for note in predictor.notes():
                click.echo(f"texts {done + 1} to {done + len(examples)}: {note}", err=True)
            done += len(examples)
        group = next(groups, [])


def _together(items: Iterator[Item]) -> Iterator[list[Item]]:
    """Items in groups; those before one that is bad are a group too, and the error comes after it."""
    group: list[Item] = []
    try:
        for item in items:
            group.append(item)
            if len(group) == TOGETHER:
                yield group
                group = []
    except DataError:
        yield from [group] if group else []
        raise
    yield from [group] if group else []
