"""Versions: Python, MindSpore and NumPy, and bertrun's own packages."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from importlib import metadata

from packaging.specifiers import SpecifierSet

from .finding import Finding

# What bertrun's own metadata asks for; NumPy 2 is not refused by MindSpore's, and fails at the first operator.
WANTED = {"mindspore": ">=2.10,<2.11", "numpy": ">=1.25,<2"}
PYTHON = SpecifierSet(">=3.10,<3.13")


def versions() -> Iterator[Finding]:
    """Each of them, and what to install where one is missing or another is needed."""
    running = platform.python_version()
    if PYTHON.contains(running, prereleases=True):
        yield Finding(check="python", what=f"{running} ({sys.executable})")
    else:
        advice = "Make an environment with Python 3.10, 3.11 or 3.12."
        yield Finding(check="python", state="problem", what=f"{running}, not {PYTHON}", advice=advice)
    for name, wanted in WANTED.items():
        yield _version(name, wanted)
    names = sorted({one.name for one in metadata.distributions() if one.name and _is_ours(one.name)})
    yield Finding(check="packages", what=", ".join(f"{name} {metadata.version(name)}" for name in names))


def _version(name: str, wanted: str) -> Finding:
    advice = f"pip install '{name}{wanted}'"
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Finding(check=name, state="problem", what="not installed", advice=advice)
    if SpecifierSet(wanted).contains(found, prereleases=True):
        return Finding(check=name, what=found)
    return Finding(check=name, state="problem", what=f"{found}, not {wanted}", advice=advice)


def _is_ours(name: str) -> bool:
    return name == "bertrun" or name.startswith("bertrun-")
