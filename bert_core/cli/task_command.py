"""Commands whose options are their own and those of the task that they name."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import click

from bert_core.errors import UsageError
from bert_core.manager import PluginManager
from bert_core.names import listed
from bert_core.options import Layer, index_options, options_of, resolve
from bert_core.plan import environment_layer
from bert_core.types import TaskSpec

from .arguments import peek, spelled
from .options import PageContext, click_option, option_rows, unknown_arguments
from .state import State

OWN, TASK = "command", "task"
FILE = click.Path(path_type=Path)
META = "bertrun.task"


@dataclass(frozen=True, kw_only=True)
class Job:
    """What such a command was told.

    Args:
        manager: The plugins.
        spec: The task; None where it needs none and none was named.
        own: The command's own options.
        task: The task's options.
        arguments: What stands without an option.
    """

    manager: PluginManager
    spec: TaskSpec | None
    own: Any
    task: Any
    arguments: dict[str, Any]

    @property
    def named(self) -> TaskSpec:
        """The task, of a command that needs one.

        Raises:
            UsageError: None was named.
        """
        if self.spec is None:
            raise UsageError("no task was chosen", hint=f"Say --task with one of: {listed(self.manager.specs(TASK))}")
        return self.spec


class TaskCommand(click.Command):
    """A command of `bertrun data`.

    Args:
        name: Its name.
        own: The dataclass of its own options.
        arguments: What stands without an option.
        work: What it does.
        help: Its help.
        short_help: Its line among all commands.
    """

    context_class = PageContext

    def __init__(
        self,
        name: str,
        *,
        own: type,
        arguments: Sequence[click.Argument],
        work: Callable[[Job], None],
        help: str,
        short_help: str,
    ) -> None:
        self.own, self.arguments, self.work = own, list(arguments), work
        super().__init__(
            name,
            help=help,
            short_help=short_help,
            params=list(arguments),
            context_settings={"help_option_names": ["-h", "--help"]},
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Find out which task is meant, then parse with its options."""
        args = spelled(args)
        manager = ctx.ensure_object(State).manager
        name = peek(args, TASK) or os.environ.get("BERTRUN_TASK") or None
        spec = manager.get(TASK, name) if name else None
        owners = {OWN: self.own, **({TASK: spec.options} if spec else {})}
        selector = click.Option([f"--{TASK}", TASK], default=None, metavar="NAME", help=_tasks(manager))
        self.params = [*self.arguments, selector, *map(click_option, index_options(owners).values())]
        args, unknown = self._known(args)
        ctx.meta[META] = (manager, spec, owners, unknown)
        return super().parse_args(ctx, args)

    def _known(self, args: Sequence[str]) -> tuple[list[str], list[str]]:
        """The command line, and apart from it the options that nobody has, each with what follows it."""
        flags = {"--help", *(flag for param in self.params for flag in (*param.opts, *param.secondary_opts))}
        known: list[str] = []
        unknown: list[str] = []
        left = iter(args)
        for argument in left:
            if not argument.startswith("--") or argument == "--" or argument.partition("=")[0] in flags:
                known.append(argument)
            else:
                unknown += [argument] if "=" in argument else [argument, *islice(left, 1)]
        return known, unknown

    def invoke(self, ctx: click.Context) -> None:
        """Decide the options, all problems together, then do the work."""
        manager, spec, owners, unknown = ctx.meta[META]
        given = dict(ctx.params)
        arguments = {str(argument.name): given.pop(str(argument.name)) for argument in self.arguments}
        given.pop(TASK)
        flat = {name: value for name, value in given.items() if value is not None}
        flat.update(unknown_arguments(unknown))
        layers = [Layer(origin="command line", flat=flat), environment_layer(os.environ)]
        values = resolve(owners, layers).values
        self.work(Job(manager=manager, spec=spec, own=values[OWN], task=values.get(TASK), arguments=arguments))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options, a section for each owner."""
        manager, spec, *_ = ctx.meta[META]
        rows = [(f"--{TASK} NAME", _tasks(manager)), *option_rows(options_of(self.own, OWN), {})]
        with formatter.section("Options"):
            formatter.write_dl(rows)
        if spec is not None and (rows := option_rows(options_of(spec.options, TASK), {})):
            with formatter.section(f"Task {spec.name} ({manager.owner(TASK, spec.name).title})"):
                formatter.write_dl(rows)


def _tasks(manager: PluginManager) -> str:
    return f"Whose data it is: {listed(manager.specs(TASK))}. With --help, its options are shown too."
