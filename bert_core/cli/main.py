"""`bertrun`: a group of commands that also runs."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from bert_core.errors import BertrunError
from bert_core.interrupt import Terminated, sigterm_as_ctrl_c
from bert_core.manager import host_version

from .arguments import take
from .state import State

COMMANDS = {
    "run": ("run:run", "Train, evaluate and predict; this is what `bertrun --task NAME` does."),
    "resume": ("evaluate:resume", "Go on with a run that was stopped, from its newest whole checkpoint."),
    "eval": ("evaluate:evaluate", "Score the best checkpoint of a run on a file."),
    "predict": ("evaluate:predict", "Predict texts: a JSON line for each, in order."),
    "score": ("score:score", "Score predictions in a file, whichever system made them."),
    "embed": ("embed:embed", "Turn texts into vectors, with weights or with a run."),
    "export": ("export:export", "Write a run's network for other programs: ONNX or MindIR."),
    "data": ("data:data", "Data before a run: convert it, show it, check it, count it, split it."),
    "weights": ("weights:weights", "Pre-trained weights: what there is, how to get it, and what files hold."),
    "describe": ("describe:describe", "Tell what a task, a model, a device, ... is, and its options."),
    "plugins": ("plugins:plugins", "List the plugins, tell why one is used, lock them."),
    "new-plugin": ("new_plugin:new_plugin", "Write a package to begin a plugin with."),
}
"""The host's own, what people need first: where each is, imported when it is asked for, and its line of help."""

EPILOG = """\b
Examples:
  bertrun weights pull minilm-l6              once: fetch weights to start from
  bertrun --task ner --weights minilm-l6      train on the sample that the task carries
  bertrun --task ner --weights minilm-l6 --train-data train.conll --eval-data dev.conll --crf
  bertrun --task ner --help                   every option of such a run
  bertrun predict runs/ner --text "..."       use what was trained
"""


STOPPED = "bertrun: stopped by SIGTERM"
ALONE = ("--help", "-h", "--version")
# click 8.1 has no such error: it prints the page itself
NO_ARGUMENTS: type[click.ClickException] | tuple[()] = getattr(click.exceptions, "NoArgsIsHelpError", ())


class Driver(click.Group):
    """A group whose command, where none is named, is `run`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `run` before options that stand alone; `--help --task ner` asks for the help of that run."""
        first = next((argument for argument in args if argument not in ALONE), "")
        if first.startswith("-") and args[0].startswith("-"):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; that a reader of what it prints has read enough, as `head` has, is no error."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left is flushed when Python ends
            return 0

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command of the host, imported now, else one that a plugin mounts."""
        if cmd_name in COMMANDS:
            module, _, name = COMMANDS[cmd_name][0].partition(":")
            command: click.Command = getattr(import_module(f"bert_core.cli.{module}"), name)
            return command
        mounted: click.Command | None = ctx.ensure_object(State).manager.command(cmd_name)
        return mounted

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The host's commands, what people need first, then the plugins', without names that two own."""
        mounted = [command.name for command, _ in ctx.ensure_object(State).manager.commands if " " not in command.name]
        return [*self.commands, *sorted(name for name in mounted if mounted.count(name) == 1)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """A line for each command, for which the host's own are not imported."""
        names = self.list_commands(ctx)
        limit = formatter.width - 6 - max(map(len, names))
        commands = {**{command.name: command for command, _ in ctx.obj.manager.commands}, **self.commands}
        with formatter.section("Commands"):
            formatter.write_dl([(name, commands[name].get_short_help_str(limit)) for name in names])

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Both ways in."""
        formatter.write_usage(ctx.command_path, "--task NAME [OPTIONS]")
        formatter.write_usage(ctx.command_path, "COMMAND [ARGUMENTS]", prefix="       ")


@click.group(
    cls=Driver, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option(
    "--no-plugin",
    metavar="NAME",
    multiple=True,
    expose_value=False,
    help="Leave a plugin out: it is not even imported. Stands anywhere, any number of times.",
)
@click.option(
    "--locked",
    metavar="FILE",
    expose_value=False,
    help="Refuse plugins that are not, to the byte, those of a file of `bertrun plugins lock`. Stands anywhere.",
)
@click.version_option(host_version() or "0 (not installed)", prog_name="bertrun")
def driver() -> None:
    """Train, evaluate and serve BERT-family encoders on MindSpore."""


for command_name, (_, line) in COMMANDS.items():
    driver.add_command(click.Command(command_name, short_help=line))  # what `get_command` gives is the real one


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run the command line; give its exit code."""
    try:
        blocked, rest = take(arguments, "--no-plugin")
        locked, rest = take(rest, "--locked")
        lock = Path(locked[-1]).absolute() if locked else None
        state = State(blocked=blocked, locked=lock, taken=frozenset(COMMANDS), arguments=tuple(arguments))
        with sigterm_as_ctrl_c():
            result: Any = driver.main(rest, prog_name="bertrun", standalone_mode=False, obj=state)
        return result if isinstance(result, int) else 0
    except BertrunError as error:
        click.echo(f"bertrun: error: {error}", err=True)
        return error.exit_code
    except NO_ARGUMENTS as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        click.echo(f"bertrun: error: {_sentence(error)}", err=True)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as error:
        if isinstance(error, Terminated) or isinstance(error.__cause__, Terminated):  # click makes an Abort of it
            click.echo(STOPPED, err=True)
            return 143
        click.echo("bertrun: interrupted", err=True)
        return 130
    except Exception as error:
        if isinstance(error.__cause__, Terminated):  # it came while a module's C code began, which gives an ImportError
            click.echo(STOPPED, err=True)
            return 143
        traceback.print_exc()
        click.echo("bertrun: this is a bug in bertrun or in a plugin; please report the lines above", err=True)
        return 1


def _sentence(error: click.ClickException) -> str:
    """What click says, and where to read on."""
    if isinstance(error, click.BadOptionUsage) and "not take a value" in error.message:
        name = error.option_name.removeprefix("--").removeprefix("no-")
        return f"--{name} is a switch and has no value: it says yes, and --no-{name}, where there is one, says no"
    context = getattr(error, "ctx", None)
    more = f" `{context.command_path} --help` shows what can be said" if context else ""
    return f"{error.format_message()}{more}"
