"""`bertrun new-plugin`: a package to begin with."""

from __future__ import annotations

from pathlib import Path

import click

from bert_core.new_plugin import KINDS, write


@click.command("new-plugin", short_help="Write a package to begin a plugin with.")
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), required=True, help="What it adds.")
@click.option("--output", type=click.Path(path_type=Path), metavar="DIR", help="Default: bertrun-NAME.")
def new_plugin(name: str, kind: str, output: Path | None) -> None:
    """Write a package that adds a task, a model, a metric, an optimizer, a device or a tracker.

    It is complete: it can be installed, its tests pass, and what it adds works. Put your own in the place of what it
    does. NAME is lower-case words joined by `-`.

    Examples:
      bertrun new-plugin word-order --kind task
      cd bertrun-word-order && pip install -e ".[test]" && pytest
    """
    folder = output or Path(f"bertrun-{name}")
    write(name, kind, folder)
    click.echo(f"{folder}: next, cd {folder} && pip install -e '.[test]' && pytest")
