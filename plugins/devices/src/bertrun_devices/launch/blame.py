"""Whose fault it is that a run ended, in sentences."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from .worker import Worker

_CAME = re.compile(r"new node: (\d+)\(role: MS_WORKER\).* is registered")  # the scheduler process of MindSpore 2.10


def failed(worker: Worker) -> str:
    """Who failed, how, and its last lines."""
    code = worker.code or 0
    killed = code > 128 and code - 128 in {*signal.Signals}
    how = f"was ended by {signal.Signals(code - 128).name}" if killed else f"failed with exit code {code}"
    return f"{worker.process.name} {how}. {_last_lines(worker)}"


def hung(worker: Worker, waited: Sequence[Worker]) -> str:
    """Who hangs, and who waited for it."""
    others = f", and {_names(waited)} waited for it" if waited else ""
    seconds = time.time() - worker.last_beat()
    return (
        f"{worker.process.name} hangs: no heartbeat for {seconds:.0f} s{others}. The stacks of all ranks that are "
        f"left follow, and are kept in {worker.process.folder}"
    )


def waited_in_vain(waited: Sequence[Worker]) -> str:
    """Who waited, where the one at fault is not among those that are started here."""
    first = waited[0]
    return f"{_names(waited)} waited in vain, and no other rank of this machine failed. {_last_lines(first)}"


def left_early(workers: Sequence[Worker], waited: Sequence[Worker]) -> str:
    """Who ended well, while others still waited."""
    return f"{_names(workers)} ended without an error while {_names(waited)} waited. {_last_lines(workers[0])}"


def missing(log: Path, size: int) -> str:
    """Which ranks never came to the scheduler process, by what it printed; nothing where all came."""
    try:
        came = {int(number) for number in _CAME.findall(log.read_text(errors="replace"))}
    except OSError:
        return ""
    absent = [str(rank) for rank in range(size) if rank not in came]
    shown = ", ".join([*absent[:20], *(["..."] if len(absent) > 20 else [])])
    return f"of {size} ranks {len(absent)} did not come: {shown}" if absent else ""


def _names(workers: Sequence[Worker]) -> str:
    return ", ".join(sorted(worker.process.name for worker in workers))


def _last_lines(worker: Worker) -> str:
    said = worker.output.last_lines()
    return f"Its last lines (all of them: {worker.process.log}):\n{said}" if said else "It printed nothing"
