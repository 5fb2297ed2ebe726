"""A plugin that claims what bertrun-good claims."""

from __future__ import annotations

import click

from bert_core import TaskSpec, hookimpl


@hookimpl
def bertrun_register_tasks():
    yield TaskSpec(name="echo", summary="Say it again, too.", build=lambda options, state: None)


@click.command("hello")
def hello():
    """Greet, too."""


@hookimpl
def bertrun_register_commands():
    yield hello
