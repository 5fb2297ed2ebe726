"""A plugin whose commands, observer, device and weights end badly."""

from __future__ import annotations

import click

from bert_core import DataError, Device, DeviceSpec, WeightsSpec, hookimpl


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


def _no_driver():
    raise OSError("libabacus.so: cannot open\nshared object file")


@hookimpl
def bertrun_register_devices():
    yield DeviceSpec(
        name="abacus", summary="Beads on rods.", target="CPU", probe=_no_driver, build=lambda options, number: Device()
    )


@hookimpl
def bertrun_register_weights():
    yield WeightsSpec(name="abacus-base", summary="Weights.", licence="MIT", folder=_no_driver)


@hookimpl
def bertrun_on_step_end(step):
    raise ConnectionError("no route to the tracker")
