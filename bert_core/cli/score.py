"""`bertrun score`: the scores of predictions in a file, whichever system made them."""

from __future__ import annotations

import click

from .mounted import MountGroup


@click.group("score", cls=MountGroup)
def score() -> None:
    """Score predictions in a file, whichever system made them."""
