"""`bertrun launch`: a command as many processes, one for each device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .defaults import JOB_SCHEDULERS, PORT
from .rank_table_commands import rank_table

FILE = click.Path(path_type=Path)
SECONDS = click.IntRange(min=1)


class Launch(click.Group):
    """Commands of its own; whatever else stands there is the command to launch."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A command of this group by its name, else all words as the command of each rank."""
        if args[0] in self.commands:
            return super().resolve_command(ctx, args)
        return args[0], _each_rank, ["--", *args]


@click.group("launch", cls=Launch, subcommand_metavar="-- COMMAND...")
@click.option("--workers", type=click.IntRange(min=1), help="Ranks that this machine starts. Default: 1.")
@click.option("--nodes", type=click.IntRange(min=1), help="Machines that take part; each runs this command.")
@click.option("--node-rank", type=click.IntRange(min=0), help="Which of the machines this is, from 0.")
@click.option(
    "--master", metavar="HOST:PORT", help=f"Where the ranks meet: the first machine; port {PORT} where none is said."
)
@click.option("--rank-table", "table", type=FILE, metavar="FILE", help="HCCL rank table that says the ranks.")
@click.option(
    "--from",
    "origin",
    type=click.Choice(["auto", "none", *JOB_SCHEDULERS]),
    default="auto",
    show_default=True,
    help="Whose variables say the ranks, where no other option does.",
)
@click.option("--bind-cores/--no-bind-cores", default=True, show_default=True, help="Divide the cores among the ranks.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads for each rank. Default: its cores.")
@click.option("--timeout", type=SECONDS, default=600, show_default=True, help="Seconds in which all ranks must meet.")
@click.option(
    "--hccl-connect-timeout", type=SECONDS, default=600, show_default=True, help="Seconds for Ascends to connect."
)
@click.option(
    "--hccl-exec-timeout", type=SECONDS, default=1836, show_default=True, help="Seconds for an operation over Ascends."
)
@click.option("--nccl-ib-timeout", type=click.IntRange(1, 31), help="NCCL_IB_TIMEOUT of each rank.")
@click.option("--grace", type=click.FloatRange(min=0), default=30.0, show_default=True, help="Seconds before SIGKILL.")
@click.option(
    "--hang-timeout",
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds without progress after which a rank hangs. It must be longer than what precedes the first step.",
)
@click.option("--log-dir", type=FILE, default=Path("launch"), show_default=True, help="Where each rank's lines go.")
@click.option(
    "--hyper-parameters", type=FILE, metavar="FILE", help="hyper_parameter_config.ini: options to add to the command."
)
@click.option("--env", "variables", multiple=True, metavar="NAME=VALUE", help="A variable of each rank.")
@click.option(
    "--plain-stdout", "plain", is_flag=True, help="Print what rank 0 prints as it is, all else on standard error."
)
@click.option("--print-only", is_flag=True, help="Show commands and environments; start nothing.")
@click.pass_context
def launch(ctx: click.Context, /, **said: Any) -> None:
    """Run a command as many processes that MindSpore joins.

    All of them are seen to their end: when one fails it is named, and the others are ended.

    \b
    Examples:
      bertrun launch --workers 2 -- bertrun --task ner --weights minilm-l6
      bertrun launch --nodes 2 --node-rank 0 --master 10.0.0.1:8118 --workers 8 -- python train.py
      bertrun launch --rank-table hccl_8p.json -- python train.py
      srun --ntasks-per-node=1 bertrun launch --workers 8 -- python train.py
    """
    ctx.meta[__name__] = said


@click.command("command", add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("command", nargs=-1, type=click.UNPROCESSED, required=True)
@click.pass_context
def _each_rank(ctx: click.Context, command: tuple[str, ...]) -> int:
    """Start it, or show how it would be started."""
    from .start import launch_ranks

    return launch_ranks(ctx.meta[__name__], command)


launch.add_command(rank_table)
