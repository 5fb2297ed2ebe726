"""Whether processes on this machine can compute together: two of them add up a number, on the processor."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from .finding import Finding

WORKERS = 2
SUM = "sum 3.0"  # of the ranks 0 and 1, counted from 1
NAME = "collectives"
ADVICE = (
    "Processes here must reach each other over 127.0.0.1: look at firewalls, and at variables MS_... and ..._proxy."
)
STRANGE = ("MS_", "RANK", "DEVICE_ID", "COV_")  # of another cluster, or of a test's tools
PROGRAM = "bertrun_devices.doctor.reduce"


def collectives(seconds: float, program: str = PROGRAM) -> Iterator[Finding]:
    """Run the two and the process in which they meet; nothing of them is left afterwards.

    Args:
        seconds: How long they may take.
        program: The module that each runs.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bertrun-doctor-") as folder:
        group = [_start(Path(folder), program, role) for role in _roles()]
        try:
            _wait(group, started + seconds)
        finally:
            for process in group:
                _kill(process)
        took = time.monotonic() - started
        texts = [(Path(folder) / f"{number}.txt").read_text(errors="replace") for number in range(len(group))]
    if sum(SUM in text for text in texts) == WORKERS:
        yield Finding(check=NAME, what=f"{WORKERS} processes added up a number in {took:.0f} s (mccl)")
    elif took >= seconds:
        what = f"{WORKERS} processes did not add up a number in {seconds:g} s (mccl){_last(texts)}"
        yield Finding(check=NAME, state="problem", what=what, advice=ADVICE)
    else:
        what = f"{WORKERS} processes could not add up a number (mccl){_last(texts)}"
        yield Finding(check=NAME, state="problem", what=what, advice=ADVICE)


def _roles() -> list[dict[str, str]]:
    """What each process is told: the one in which they meet, then the workers."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    cluster = {"MS_WORKER_NUM": str(WORKERS), "MS_SCHED_HOST": "127.0.0.1", "MS_SCHED_PORT": str(port)}
    workers = [{"MS_ROLE": "MS_WORKER", "MS_NODE_ID": str(number)} for number in range(WORKERS)]
    return [{**cluster, **role} for role in ({"MS_ROLE": "MS_SCHED"}, *workers)]


def _start(folder: Path, program: str, role: Mapping[str, str]) -> subprocess.Popen[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(STRANGE)}
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    environment = {**kept, "PYTHONPATH": path, "GLOG_v": "3", "OMP_NUM_THREADS": "1", **role}
    number = len(list(folder.glob("*.txt")))
    with (folder / f"{number}.txt").open("wb") as output:
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", program],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _wait(group: list[subprocess.Popen[bytes]], end: float) -> None:
    """Until all have ended, one has failed, or the time is up."""
    while time.monotonic() < end:
        codes = [process.poll() for process in group]
        if all(code == 0 for code in codes) or any(codes):
            return
        time.sleep(0.05)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last(texts: list[str]) -> str:
    """The last line that any of them said."""
    lines = [line.strip() for text in texts for line in text.splitlines() if line.strip() and SUM not in line]
    return f": {lines[-1][:200]}" if lines else ""
