"""What a run ran on: versions, plugins, machine, revision and the digests of what it read."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import importlib_metadata

from .data.remembered import digest_of
from .manager import PluginManager
from .plan import Plan

PACKAGES = ("bertrun", "mindspore", "numpy", "tokenizers", "safetensors")


def environment(plan: Plan, manager: PluginManager, inputs: Iterable[Path]) -> dict[str, Any]:
    """The content of `environment.json`.

    Args:
        plan: The run.
        manager: The plugins.
        inputs: Files that the run read.
    """
    return {
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "plugins": [
            {
                "name": record.name,
                "distribution": record.distribution,
                "version": record.version,
                "state": record.state,
                "sha256": record.sha256 if record.state == "loaded" else None,
            }
            for record in manager.records
        ],
        "device": plan.choices["device"].name,
        "host": socket.gethostname(),
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "command": sys.argv,
        "revision": _revision(),
        "inputs": {str(path.absolute()): digest_of(path) for path in inputs if path.is_file()},
        "options": {owner: dict(origins) for owner, origins in plan.settings.origins.items()},
    }


def _version(name: str) -> str:
    try:
        return importlib_metadata.version(name)
    except importlib_metadata.PackageNotFoundError:
        return "not installed"


def _revision() -> str | None:
    """The git revision of the working directory, where there is one."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
