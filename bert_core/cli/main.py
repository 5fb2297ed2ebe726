"""`bertrun`: a group of commands that also runs."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from bert_core.errors import BertrunError
from bert_core.manager import host_version

from .arguments import take
from .describe import describe, plugins
from .evaluate import evaluate, predict, resume
from .run import RunCommand
from .state import State
from .weights import weights

EPILOG = """\b
Examples:
  bertrun weights pull minilm-l6
  bertrun --task ner --weights minilm-l6            train on the embedded sample
  bertrun --task ner --train-data train.conll --eval-data dev.conll --weights minilm-l6 --crf
  bertrun --task ner --help                         every option of such a run
"""


class Driver(click.Group):
    """A group whose command, where none is named, is `run`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `run` before options that stand alone."""
        if args and args[0].startswith("-") and args[0] not in ("--help", "-h", "--version"):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command of the host, else one that a plugin mounts."""
        return super().get_command(ctx, cmd_name) or _mounted(ctx).get(cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The host's commands and the plugins'."""
        return sorted({*super().list_commands(ctx), *_mounted(ctx)})


def _mounted(ctx: click.Context) -> dict[str, click.Command]:
    state = ctx.ensure_object(State)
    return {str(command.name): command for command, _ in state.manager.commands}


@click.group(
    cls=Driver, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(host_version() or "0 (not installed)", prog_name="bertrun")
def driver() -> None:
    """Train, evaluate and serve BERT-family encoders on MindSpore.

    Without a command, `bertrun --task TASK ...` trains. `--no-plugin NAME` leaves a plugin out.
    """


driver.add_command(RunCommand())
for command in (describe, plugins, evaluate, predict, resume, weights):
    driver.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run the command line; give its exit code."""
    try:
        blocked, rest = take(arguments, "--no-plugin")
        result: Any = driver.main(rest, prog_name="bertrun", standalone_mode=False, obj=State(blocked=blocked))
        return result if isinstance(result, int) else 0
    except BertrunError as error:
        click.echo(f"bertrun: error: {error}", err=True)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("bertrun: interrupted", err=True)
        return 130
    except BrokenPipeError:
        return 0
    except Exception:
        traceback.print_exc()
        click.echo("bertrun: this is a bug in bertrun or in a plugin; please report the lines above", err=True)
        return 1
