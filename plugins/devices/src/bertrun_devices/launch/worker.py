"""One process that the launcher started, with all that it may start itself."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from .console import Console, Output
from .plan import Process
from .reaper import tell

_GUARD = Path(__file__).with_name("guard.py")


class Worker:
    """A started process, the leader of its own group.

    Args:
        process: What to start.
        console: Where its lines are shown.
        ended: Where it puts itself when it has ended.
    """

    def __init__(self, process: Process, console: Console, ended: queue.SimpleQueue[object]) -> None:
        self.process = process
        self.code: int | None = None
        self.started = time.time()
        process.heartbeat.unlink(missing_ok=True)
        cores = ",".join(map(str, process.cores))
        self._popen = subprocess.Popen(  # noqa: S603
            [sys.executable, "-S", "-E", str(_GUARD), str(os.getpid()), cores, *process.command],
            env={**os.environ, **process.environment},
            stdin=subprocess.DEVNULL,
            stdout=None if process.plain else subprocess.PIPE,
            stderr=subprocess.PIPE if process.plain else subprocess.STDOUT,
            start_new_session=True,
        )
        self.group = self._popen.pid
        self._reaping = threading.Lock()  # a number that was reaped may be another process's
        self._there = True
        source = self._popen.stderr if process.plain else self._popen.stdout
        assert source is not None
        self.output = Output(process, source, console)  # type: ignore[arg-type]
        self.output.start()
        threading.Thread(target=self._wait, args=(ended,), daemon=True).start()

    def signal(self, number: int) -> None:
        """Send a signal to the process alone: what it started is its own to end."""
        with self._reaping:
            if self._there:
                os.kill(self.group, number)

    def kill(self) -> None:
        """End the whole group at once."""
        with self._reaping:
            if self._there:
                tell(self.group, signal.SIGKILL)

    def last_beat(self) -> float:
        """When it last made progress: its heartbeat's time, or that of its start."""
        try:
            return max(self.started, self.process.heartbeat.stat().st_mtime)
        except OSError:
            return self.started

    def _wait(self, ended: queue.SimpleQueue[object]) -> None:
        """Note its end; what it left behind is killed before it is reaped, while the group's number is its own."""
        os.waitid(os.P_PID, self.group, os.WEXITED | os.WNOWAIT)
        with self._reaping:
            tell(self.group, signal.SIGKILL)
            code = self._popen.wait()
            self._there = False
        self.output.join(timeout=2)  # a process that left the group may hold the pipe
        self.code = 128 - code if code < 0 else code
        ended.put(self)
