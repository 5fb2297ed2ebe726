"""What the commands share: the plugins, made once when the first command asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import click

from bert_core.manager import PluginManager, Policy


@dataclass
class State:
    """The command line's shared state, carried as click's context object.

    Args:
        blocked: What `--no-plugin` named.
        taken: The names of the host's own commands.
    """

    blocked: list[str] = field(default_factory=list)
    taken: frozenset[str] = frozenset()

    @cached_property
    def manager(self) -> PluginManager:
        """The plugins of this environment."""
        policy = Policy.from_environment(blocked=self.blocked)
        return PluginManager(policy, say=lambda line: click.echo(f"bertrun: {line}", err=True), taken=self.taken)
