"""A run that several processes share: the command line again, as many times, through `bertrun launch`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from bert_core.errors import UsageError
from bert_core.plan import Plan
from bert_core.run_options import RunOptions

from .state import State


def shared() -> bool:
    """Whether this is one of several processes of a run."""
    return "MS_ROLE" in os.environ


def check_alone(what: str, devices: int | None = None) -> None:
    """Refuse several processes where one begins others or several runs.

    Raises:
        UsageError: There are several, or they are wanted.
    """
    if (devices or 1) > 1 or shared():
        hint = "Do them one by one: each run by itself may be shared"
        raise UsageError(f"{what} cannot be shared among several processes", hint=hint)


def wants_processes(run: RunOptions) -> bool:
    """Whether this process should start others; one that a launcher started is one of them, whatever is said."""
    return (run.devices or 1) > 1 and not run.dry_run and not shared()


def launch(ctx: click.Context, plan: Plan, folder: Path, more: Sequence[str] = ()) -> int:
    """Start a process for each device, and see them to their end.

    Args:
        ctx: Of this command.
        plan: The run, or the first of its phases.
        folder: Of the run; what each process prints is kept beside it.
        more: What the processes are told beside the command line.

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
    kept = folder.with_name(f"{folder.name}.ranks")
    words = ["--workers", str(plan.run.devices), "--from", "none", "--log-dir", str(kept)]
    words += [] if device.spec.bind_cores else ["--no-bind-cores"]
    words += ["--plain-stdout"] if plan.run.json else []
    again = ["--", sys.executable, "-m", "bert_core.cli", *state.arguments, *more]
    code: int = command.main([*words, *again], prog_name=f"bertrun {launcher}", standalone_mode=False, obj=state)
    return code
