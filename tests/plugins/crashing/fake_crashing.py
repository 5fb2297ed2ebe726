"""A plugin whose commands and observer end badly."""

from __future__ import annotations

import click

from bert_core import DataError, hookimpl


@click.command("crash")
def crash():
    """Have a bug."""
    raise ZeroDivisionError("by a plugin")


@click.command("interrupt")
def interrupt():
    """Be stopped by the user."""
    raise KeyboardInterrupt


@click.command("refuse")
def refuse():
    """Find the data wrong."""
    raise DataError.at("train.conll", 3, "a line without a tag", hint="Give it one")


@hookimpl
def bertrun_register_commands():
    return [crash, interrupt, refuse]


@hookimpl
def bertrun_on_step_end(step):
    raise ConnectionError("no route to the tracker")
