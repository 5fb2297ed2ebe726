"""`bertrun doctor`: the checks in order, and their report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bert_core import DeviceError

if TYPE_CHECKING:
    from .finding import Check, Finding


@click.command("doctor")
@click.option("--device", metavar="NAME", help="The device that runs are to take; by default the one that they take.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@click.option(
    "--collectives/--no-collectives",
    "together",
    default=True,
    show_default=True,
    help="Whether two processes add up a number, which takes about 15 seconds.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=120.0,
    show_default=True,
    metavar="SECONDS",
    help="How long the two processes may take.",
)
@click.pass_obj
def doctor(state: Any, device: str | None, as_json: bool, together: bool, timeout: float) -> int:
    """Tell whether runs can go here: versions, devices, processes together, disk, plugins.

    Every problem has a line of advice. The exit code is 5 where the chosen device cannot run, else 0.
    """
    import dataclasses
    import json

    from .finding import findings

    if device is not None:
        device = state.manager.get("device", device).name
    found = []
    for finding in findings(_checks(state, device, timeout if together else None)):
        found.append(finding)
        if not as_json:
            click.echo(_shown(finding))
    stopped = any(finding.stops for finding in found)
    if as_json:
        listed = [dataclasses.asdict(finding) for finding in found]
        click.echo(json.dumps({"can_run": not stopped, "findings": listed}, indent=2))
    return DeviceError.exit_code if stopped else 0


def _checks(state: Any, device: str | None, seconds: float | None) -> list[tuple[str, Check]]:
    """Every check with its name; they are imported here, since every command loads this file."""
    from pathlib import Path

    from bertrun_devices.machine import Machine

    from .collectives import collectives
    from .devices import devices
    from .disk import disk
    from .memory import memory
    from .plugins import plugins
    from .versions import versions

    elsewhere = "Work in a folder of a disk with room where you may write, or say --output."
    cache = "Set BERTRUN_CACHE to a folder of a disk with room where you may write."
    checks: list[tuple[str, Check]] = [
        ("versions", versions),
        ("plugins", lambda: plugins(state.manager)),
        ("devices", lambda: devices(state.manager, device)),
        ("memory", lambda: memory(Machine())),
        ("folder", lambda: disk("folder", Path.cwd(), elsewhere)),
        ("cache", lambda: disk("cache", state.cache, cache)),
    ]
    return checks if seconds is None else [*checks, ("collectives", lambda: collectives(seconds))]


def _shown(finding: Finding) -> str:
    advice = [f"{'':<8} -> {line}" for line in finding.advice.splitlines()]
    return "\n".join([f"{finding.state:<8} {finding.check}: {finding.what}", *advice])
