"""`bertrun data`: what is in data, what is wrong with it, and other forms of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from bert_core.counted import counted
from bert_core.errors import UsageError
from bert_core.interrupt import ctrl_c_later

from .data_inspection import CHECK_COMMAND, STATS_COMMAND
from .data_records import CONVERT_COMMAND, SHOW_COMMAND
from .mounted import MountGroup
from .task_command import FILE

if TYPE_CHECKING:
    from bert_core.datasets.splitting import Unit


@click.group("data", cls=MountGroup)
def data() -> None:
    """Data before a run: convert it, show it, check it, count it, split it."""


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
@click.option(
    "--on-bad-record",
    default="error",
    show_default=True,
    metavar="error|skip:N",
    help="Stop at a record that cannot be read, or leave out up to N of them.",
)
def split_file(
    file: Path, into: str, output: Path | None, seed: int, unit: str, header: bool, on_bad_record: str
) -> None:
    """Split a text file or records at random.

    What comes twice stays on one side, so that nothing leaks; therefore the shares are met about, not exactly. The
    parts keep the file's order and its ending.

    FILE may be TFRecords or MindRecords too (a file, a folder or a glob): the parts have their format and columns, and
    the same pieces stay on one side. A long text of which several records were made may get into two parts: where
    that matters, split the text.

    \b
    Examples:
      bertrun data split all.conll --into train=0.9,dev=0.1 --output parts
      bertrun data split all.tfrecord --into train=0.9,dev=0.1 --output parts
    """
    with ctrl_c_later():  # NumPy starts threads
        from bert_core.datasets.reading import of_records
    from bert_core.datasets.splitting import shares

    wanted = shares(into)
    if not of_records(file):
        return _split_text(file, output, wanted, seed, unit, header)
    if unit != "auto" or header:
        said = "--header" if header else f"--unit {unit}"
        raise UsageError(f"these are records, and {said} is of text", where=file)
    return _split_records(file, output, wanted, seed, on_bad_record)


def _split_text(file: Path, output: Path | None, into: Mapping[str, float], seed: int, unit: str, header: bool) -> None:
    from bert_core.datasets.splitting import split, unit_of

    folder = output or file.parent
    kind = unit_of(file) if unit == "auto" else cast("Unit", unit)
    for name, count in split(file, folder, into, seed=seed, unit=kind, header=header).items():
        click.echo(f"{folder / (name + file.suffix)}: {counted(count, kind)}")


def _split_records(source: Path, output: Path | None, into: Mapping[str, float], seed: int, on_bad_record: str) -> None:
    from bert_core.data.bad_records import BadRecords
    from bert_core.datasets.record_splitting import split_records

    on_bad = BadRecords.parse(on_bad_record)
    for path, count in split_records(source, output, into, seed=seed, on_bad=on_bad).items():
        click.echo(f"{path}: {counted(count, 'record')}")


for command in (CHECK_COMMAND, STATS_COMMAND, CONVERT_COMMAND, SHOW_COMMAND):
    data.add_command(command)
