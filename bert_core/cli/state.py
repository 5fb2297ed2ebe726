"""What the commands share: the plugins, made once when the first command asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bert_core.lock import Lock
from bert_core.manager import PluginManager
from bert_core.policy import Policy

if TYPE_CHECKING:
    from bert_core.data.records import Format
    from bert_core.data.sinks import RecordSinks
    from bert_core.datasets.encoder import OpenEncoder


@dataclass
class State:
    """The command line's shared state, carried as click's context object; what plugins' commands get by `pass_obj`.

    Args:
        blocked: What `--no-plugin` named.
        locked: The file that `--locked` named, where it was said.
        taken: The names of the host's own commands.
        arguments: The command line as it was given, for the processes that share a run.
    """

    blocked: list[str] = field(default_factory=list)
    locked: Path | None = None
    taken: frozenset[str] = frozenset()
    arguments: tuple[str, ...] = ()

    @cached_property
    def manager(self) -> PluginManager:
        """The plugins of this environment."""
        lock = None if self.locked is None else Lock.read(self.locked)
        policy = Policy.from_environment(blocked=self.blocked, lock=lock)
        return PluginManager(policy, say=lambda line: click.echo(f"bertrun: {line}", err=True), taken=self.taken)

    @property
    def cache(self) -> Path:
        """The folder of what bertrun can make or fetch again; it need not exist."""
        from bert_core.cache import cache_folder

        return cache_folder()

    def encoder(self, vocab: Path, lowercase: bool | None) -> OpenEncoder:
        """Opens the tokenizer of a vocabulary, in any process; `lowercase` None guesses from the vocabulary."""
        from bert_core.datasets.encoder import OpenEncoder

        return OpenEncoder(vocab, lowercase)

    def record_sinks(self, record_format: Format) -> RecordSinks:
        """Opens shards of a format, in any process."""
        from bert_core.data.sinks import RecordSinks

        return RecordSinks(record_format)
