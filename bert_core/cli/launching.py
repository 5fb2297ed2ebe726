"""A run that several processes share: the command line again, as many times, through `bertrun launch`."""

from __future__ import annotations

import os
import sys

import click

from bert_core.begun import default_folder
from bert_core.errors import UsageError
from bert_core.plan import Plan
from bert_core.run_options import RunOptions

from .state import State


def check_alone(what: str, devices: int | None = None) -> None:
    """Refuse several processes where one begins others or several runs.

    Raises:
        UsageError: There are several, or they are wanted.
    """
    if (devices or 1) > 1 or "MS_ROLE" in os.environ:
        hint = "Do them one by one: each run by itself may be shared"
        raise UsageError(f"{what} cannot be shared among several processes", hint=hint)


def wants_processes(run: RunOptions) -> bool:
    """Whether this process should start others; one that a launcher started is one of them, whatever is said."""
    return (run.devices or 1) > 1 and not run.dry_run and "MS_ROLE" not in os.environ


def launch(ctx: click.Context, plan: Plan) -> int:
    """Start a process for each device, and see them to their end.

    Returns:
        The exit code of the process that failed, or 0.

    Raises:
        UsageError: The device says no command that starts them, or no installed plugin has it.
    """
    state = ctx.ensure_object(State)
    device = plan.choices["device"]
    launcher = device.spec.launcher
    command = None if launcher is None else state.manager.command(launcher)
    if command is None:
        no = "no command" if launcher is None else f"no command `bertrun {launcher}`"
        raise UsageError(f"--devices {plan.run.devices}: the device '{device.name}' has {no} to start processes with")
    folder = plan.run.output or default_folder(plan.choices["task"].name)
    kept = folder.with_name(f"{folder.name}.ranks")
    words = ["--workers", str(plan.run.devices), "--from", "none", "--log-dir", str(kept)]
    if not device.spec.bind_cores:
        words.append("--no-bind-cores")
    again = ["--", sys.executable, "-m", "bert_core.cli", *state.arguments]
    code: int = command.main([*words, *again], prog_name=f"bertrun {launcher}", standalone_mode=False, obj=state)
    return code
