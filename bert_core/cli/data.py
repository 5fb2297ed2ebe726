"""`bertrun data`: what is in data, what is wrong with it, and other forms of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from bert_core.datasets.options import InspectionOptions
from bert_core.errors import DataError
from bert_core.interrupt import ctrl_c_later

from .task_command import Job, TaskCommand

if TYPE_CHECKING:
    from bert_core.datasets.splitting import Unit

FILE = click.Path(path_type=Path)
CHECK = """Look for what would make training or scores wrong: texts that are empty, come twice with two labels, or are
both in the data to train on and in that to score with; and labels that only the latter has. Exit code 4 where there is
such.

TRAIN is what is trained on, each OTHER what is scored with. Given a vocabulary, texts that are longer than --max-length
are counted too.

\b
Example:
  bertrun data check --task ner train.conll dev.conll --weights minilm-l6
"""
STATS = """Count examples, labels, characters and, given a vocabulary, pieces.

\b
Example:
  bertrun data stats --task ner train.conll --vocab vocab.txt
"""


@click.group("data")
def data() -> None:
    """Data before a run: check it, count it, split it."""


def check(job: Job) -> None:
    """Print what was found; raise where it matters."""
    with ctrl_c_later():  # NumPy starts threads
        from bert_core.datasets.inspection import findings, lengths, truncated
    from bert_core.datasets.reading import open_vocabulary, read_parts

    text = open_vocabulary(job.own, job.manager)
    paths = [job.arguments["train"], *job.arguments["other"]]
    parts = read_parts(job.named, job.task, paths, _unsaid if job.own.json else click.echo)
    found = list(findings(parts))
    if text is not None:
        found += [item for part in parts for item in truncated(part, lengths(part.facts, text), text.max_length)]
    matters = [item for item in found if item.matters]
    if job.own.json:
        click.echo(json.dumps([vars(item) for item in found], ensure_ascii=False))
    else:
        for item in found:
            click.echo(item.line())
        click.echo(f"problems: {len(matters)}, notes: {len(found) - len(matters)}")
    if matters:
        kinds = ", ".join(dict.fromkeys(item.kind for item in matters))
        raise DataError(f"this data has problems: {kinds}", where=paths[0])


def stats(job: Job) -> None:
    """Print the figures of each file."""
    with ctrl_c_later():
        from bert_core.datasets.inspection import lengths, statistics
    from bert_core.datasets.reading import open_vocabulary, read_parts

    text = open_vocabulary(job.own, job.manager)
    for part in read_parts(job.named, job.task, job.arguments["files"], _unsaid if job.own.json else click.echo):
        found = statistics(part.facts, None if text is None else lengths(part.facts, text))
        if job.own.json:
            click.echo(json.dumps({"file": str(part.path), **found}, ensure_ascii=False))
        else:
            _table(found)


def _unsaid(line: str) -> None:
    """Drop what a person would be told."""


def _table(found: Mapping[str, Any]) -> None:
    """Counts in lines, those of labels and of lengths under their heads."""
    for name, value in found.items():
        if not isinstance(value, dict):
            click.echo(f"{name}: {value:,}")
            continue
        click.echo(f"{name}:")
        width = max(map(len, value), default=0)
        for key, number in value.items():
            click.echo(f"  {key:<{width}}  {number:>10,}")


@data.command("split")
@click.argument("file", type=FILE)
@click.option(
    "--into", default="train=0.8,dev=0.1,test=0.1", show_default=True, metavar="NAME=SHARE,...", help="Parts."
)
@click.option("--output", type=FILE, metavar="DIR", help="Default: the file's folder.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another one splits another way.")
@click.option(
    "--unit",
    type=click.Choice(["auto", "line", "block"]),
    default="auto",
    show_default=True,
    help="What stays together: a line, or lines up to an empty one, as in CoNLL columns.",
)
@click.option("--header", is_flag=True, help="The first line is a header, which every part gets.")
def split_file(file: Path, into: str, output: Path | None, seed: int, unit: str, header: bool) -> None:
    """Split a text file at random.

    What comes twice stays on one side, so that nothing leaks; therefore the shares are met about, not exactly. The
    parts keep the file's order and its ending.

    \b
    Example:
      bertrun data split all.conll --into train=0.9,dev=0.1 --output parts
    """
    from bert_core.datasets.splitting import shares, split, unit_of

    wanted, folder = shares(into), output or file.parent
    kind = unit_of(file) if unit == "auto" else cast("Unit", unit)
    for name, count in split(file, folder, wanted, seed=seed, unit=kind, header=header).items():
        click.echo(f"{folder / (name + file.suffix)}: {count:,} {kind}{'' if count == 1 else 's'}")


data.add_command(
    TaskCommand(
        "check",
        own=InspectionOptions,
        arguments=[click.Argument(["train"], type=FILE), click.Argument(["other"], type=FILE, nargs=-1)],
        work=check,
        help=CHECK,
    )
)
data.add_command(
    TaskCommand(
        "stats",
        own=InspectionOptions,
        arguments=[click.Argument(["files"], type=FILE, nargs=-1, required=True)],
        work=stats,
        help=STATS,
    )
)
