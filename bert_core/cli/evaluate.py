"""`bertrun resume`, `bertrun eval` and `bertrun predict`: what is done with the folder of a run."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import click

from bert_core.errors import DataError, UsageError
from bert_core.interrupt import ctrl_c_later
from bert_core.names import listed
from bert_core.plan import make_plan, read_config, read_run_file

from .state import State

RUN = click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
DEVICE = click.option("--device", metavar="NAME", help="Where to compute; by default the preferred device.")
BATCH = click.option("--batch-size", default=32, show_default=True, type=click.IntRange(min=1), help="Windows at once.")
TOGETHER = 256
HALF = re.compile("[\ud800-\udfff]")  # of a surrogate pair; also what stands for a byte that is not UTF-8


@click.command("resume")
@RUN
@click.pass_obj
def resume(state: State, run: Path) -> None:
    """Go on with a run that was stopped, from its newest whole checkpoint."""
    with ctrl_c_later():  # NumPy starts threads
        from bert_core.runner import train

    from .console import Console

    if not (run / "run.toml").is_file():
        raise UsageError("this folder holds no run", where=run, hint="Give the folder that --output named")
    names, layer = read_run_file(run / "run.toml")
    config = read_config(run / "latest")
    plan = make_plan(state.manager, wanted=names, layers=[layer], config=config)
    console = Console(quiet=plan.run.quiet, json=plan.run.json)
    try:
        train(plan, state.manager, console, resume=run)
    finally:
        console.close()


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
    from bert_core.predictor import Predictor

    from .console import Console

    if predictions is not None:
        _check_writable(predictions)
    predictor = Predictor(run, state.manager, device=device, batch_size=batch_size)
    eval_data = eval_data or _scored_on(run)
    scores, examples, predicted = predictor.evaluate(eval_data)
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
    _, layer = read_run_file(run / "run.toml")
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

    FILE holds a text a line, or JSON lines with a "text"; - reads standard input.
    """
    from bert_core.predictor import Predictor

    if bool(text) == (file is not None):
        raise UsageError("give either --text or a FILE (- for standard input)")
    for one in text:
        if HALF.search(one):
            raise UsageError(f"--text {one!r} is not UTF-8")
    groups = _together(iter(text) if file is None else _lines(file))
    group = next(groups, [])
    predictor = Predictor(run, state.manager, device=device, batch_size=batch_size)
    while group:
        for row in predictor.predict(group):
            click.echo(json.dumps(row, ensure_ascii=False))
        group = next(groups, [])


def _check_writable(file: Path) -> None:
    """Refuse, before any work, a place where no file can be written."""
    if not file.parent.is_dir():
        raise UsageError("there is no such folder for --predictions", where=file.parent)
    if file.is_dir():
        raise UsageError("this is a folder, and --predictions names a file", where=file)
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise UsageError("there is no permission to write --predictions", where=file)


def _together(texts: Iterator[str]) -> Iterator[list[str]]:
    """Texts in groups; those before a line that cannot be read are a group too, and the error comes after it."""
    group: list[str] = []
    try:
        for text in texts:
            group.append(text)
            if len(group) == TOGETHER:
                yield group
                group = []
    except DataError:
        yield from [group] if group else []
        raise
    yield from [group] if group else []


def _lines(file: str) -> Iterator[str]:
    try:
        with click.open_file(file, encoding="utf-8-sig", errors="surrogateescape") as stream:
            yield from (_text(line.rstrip("\r\n"), file, number) for number, line in enumerate(stream, 1))
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror}", where=file) from None


def _text(line: str, file: str, number: int) -> str:
    if HALF.search(line):
        hint = "Convert the file, for example with `iconv -f ENCODING -t utf-8`"
        raise DataError.at(file, number, "the line is not UTF-8", hint=hint)
    if not line.startswith("{"):
        return line
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return line
    if not isinstance(record, dict) or not isinstance(record.get("text"), str):
        keys = listed(record) if isinstance(record, dict) else "none"
        raise DataError.at(file, number, f'this JSON line has no "text"; its keys are: {keys}')
    if HALF.search(record["text"]):
        raise DataError.at(file, number, "the text holds half a surrogate pair, which is no character")
    return str(record["text"])
