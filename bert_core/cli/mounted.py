"""Groups of commands in which plugins mount their own."""

from __future__ import annotations

import click

from .arguments import spelled
from .state import State


class MountGroup(click.Group):
    """The host's commands, and those that plugins mount here: theirs are named `GROUP NAME`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """`_` and `-` are the same letter in option names."""
        return super().parse_args(ctx, spelled(args))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by its name."""
        if cmd_name in self.commands:
            return self.commands[cmd_name]
        mounted: click.Command | None = ctx.ensure_object(State).manager.command(f"{self._prefix}{cmd_name}")
        return mounted

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The host's commands, then the plugins'."""
        names = [str(command.name) for command, _ in ctx.ensure_object(State).manager.commands]
        return [
            *sorted(self.commands),
            *sorted({name.removeprefix(self._prefix) for name in names if name.startswith(self._prefix)}),
        ]

    @property
    def _prefix(self) -> str:
        return f"{self.name} "
