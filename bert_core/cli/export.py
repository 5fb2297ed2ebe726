"""`bertrun export`: a run becomes files that other programs serve."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from bert_core.interrupt import ctrl_c_later

from .evaluate import DEVICE, RUN
from .state import State

SIZE = "N|dynamic"
SMALLEST = 4  # pieces: [CLS], [SEP] and two between them

HELP = """Write the best checkpoint of a run as a file that is served without bertrun, and check that it gives the same.

The folder also gets the tokenizer's files, config.json with the label names, and export.json, which says what the
network takes and gives and how far its logits are from the run's.

\b
Examples:
  bertrun export runs/ner --format onnx
  bertrun export runs/ner --format mindir --batch-size 1 --length 128 --output models/ner
"""


def size(least: int) -> Callable[[click.Context, click.Parameter, str], int | None]:
    """Reads a whole number, or `dynamic`: None.

    Args:
        least: The smallest number.
    """

    def read(ctx: click.Context, param: click.Parameter, value: str) -> int | None:
        if value == "dynamic":
            return None
        if not value.isdecimal() or int(value) < least:
            raise click.BadParameter(f"{value!r} is neither 'dynamic' nor a whole number from {least}.")
        return int(value)

    return read


@click.command("export", help=HELP, short_help="Write a run's network for other programs: ONNX or MindIR.")
@RUN
@click.option("--format", "form", required=True, type=click.Choice(["mindir", "onnx"]), help="What to write.")
@click.option("--output", type=click.Path(path_type=Path), metavar="DIR", help="Default: RUN-FORMAT, beside the run.")
@click.option(
    "--batch-size", metavar=SIZE, callback=size(1), default="dynamic", show_default=True, help="Rows in a batch."
)
@click.option(
    "--length", metavar=SIZE, callback=size(SMALLEST), default="dynamic", show_default=True, help="Pieces in a row."
)
@click.option("--overwrite", is_flag=True, help="Replace an export that is there.")
@DEVICE
@click.pass_obj
def export(
    state: State,
    run: Path,
    form: str,
    output: Path | None,
    batch_size: int | None,
    length: int | None,
    overwrite: bool,
    device: str | None,
) -> None:
    """Write a run's network for other programs."""
    with ctrl_c_later():  # NumPy starts threads
        from bert_core.export.exporter import Wanted, export

    beside = run.absolute().with_name(f"{run.absolute().name}-{form}")
    wanted = Wanted(format=form, output=output or beside, batch_size=batch_size, length=length, overwrite=overwrite)
    export(run, state.manager, wanted, device, click.echo)
