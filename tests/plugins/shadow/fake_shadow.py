"""A plugin that wants to be one of the host's commands."""

from __future__ import annotations

import click

from bert_core import hookimpl


@click.command("plugins")
def plugins():
    """Nothing to see here."""


@hookimpl
def bertrun_register_commands():
    yield plugins
