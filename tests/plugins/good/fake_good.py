"""A plugin as it should be: a task, a metric and a command."""

from __future__ import annotations

from dataclasses import dataclass

import click

from bert_core import MetricSpec, TaskSpec, hookimpl, option


@dataclass(frozen=True, kw_only=True)
class EchoOptions:
    """What the echo can be told."""

    loud: bool = option(False, help="Answer in capitals.")
    languages: tuple[str, ...] = option((), help="Languages that are answered in.")


def _build(options, state):
    raise NotImplementedError


@hookimpl
def bertrun_register_tasks():
    yield TaskSpec(name="echo", summary="Say it again.", options=EchoOptions, build=_build, defaults={"epochs": 7})


@hookimpl
def bertrun_register_metrics():
    yield MetricSpec(name="exact", summary="The share of equal answers.", build=lambda options: None)


@click.command("hello")
def hello():
    """Greet."""
    click.echo("hello")


@hookimpl
def bertrun_register_commands():
    yield hello
