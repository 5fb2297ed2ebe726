"""Processors and memory that a run can have."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from bertrun_devices.machine import Machine

from .finding import Finding

GIB = 1 << 30
LEAST = 4 * GIB  # BERT base, its gradients and two moments are 1.8 GB, and a small batch comes to that


def memory(machine: Machine) -> Iterator[Finding]:
    """What is free, and how many processors this process may use."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding(check="processors", what=f"{usable} of {os.cpu_count()}")
    free = _free(machine)
    if free is None:
        yield Finding(check="memory", what="how much is free is not known on this system")
    elif free < LEAST:
        advice = "End other programs, or take a smaller model, --batch-size or --max-length."
        yield Finding(check="memory", state="warning", what=f"{free / GIB:.1f} GiB free", advice=advice)
    else:
        yield Finding(check="memory", what=f"{free / GIB:.1f} GiB free")


def _free(machine: Machine) -> int | None:
    """Bytes: what the system has left, or less where a container is allowed less."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB", machine.text("/proc/meminfo") or "", re.MULTILINE)
    if found is None:
        return None
    limit, used = (_number(machine, f"/sys/fs/cgroup/memory.{name}") for name in ("max", "current"))
    free = int(found[1]) * 1024
    return free if limit is None or used is None else max(0, min(free, limit - used))


def _number(machine: Machine, path: str) -> int | None:
    text = (machine.text(path) or "").strip()
    return int(text) if re.fullmatch(r"\d{1,20}", text) else None
