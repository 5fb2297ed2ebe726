"""Plugins: those that are used, and why others cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .finding import Finding

ADVICE = {
    "failed": "Update or remove {0}, or say --no-plugin {0}.",
    "incompatible": "Install a version of {0} for this bertrun: pip install --upgrade {0}",
}


def plugins(manager: Any) -> Iterator[Finding]:
    """One line for all that are loaded, and one for each that is not."""
    loaded = [record for record in manager.records if record.state == "loaded"]
    yield Finding(check="plugins", what=f"{len(loaded)} loaded")
    for record in manager.records:
        if record.state in ADVICE:
            what = f"{record.title} {record.state}: {record.reason}"
            advice = ADVICE[record.state].format(record.distribution)
            yield Finding(check="plugins", state="problem", what=what, advice=advice)
        elif record.state != "loaded":
            yield Finding(check="plugins", what=f"{record.title} {record.state}: {record.reason}")
