"""Processes that begin together and end together, whichever way one of them ends."""

from __future__ import annotations

import contextlib
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from bert_core import RankLostError

from . import blame
from .console import Console
from .plan import Process
from .worker import Worker

_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_REAPER = Path(__file__).with_name("reaper.py")
_TICK = 0.1
_DUMPING = 5.0  # seconds for a rank that hangs to write its stacks
_TELLING = 5.0  # seconds for whoever is at fault to end after one that suffers from it
_PARTING = 10.0  # seconds to end, at most, where a rank failed: those that wait for it hear nothing
_WAITED = RankLostError.exit_code
HUNG = 124  # as `timeout` says it


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to wait, in seconds.

    Args:
        grace: After a request to end, before the kill.
        hang: Without a heartbeat, before a rank counts as hanging; None for ever.
    """

    grace: float = 30.0
    hang: float | None = None


class Supervisor:
    """Starts processes and sees them to their end.

    Args:
        patience: How long to wait.
        console: Where their lines go.
        say: Where a sentence about them goes.
    """

    def __init__(self, patience: Patience, console: BinaryIO, say: Callable[[str], None]) -> None:
        self._patience, self._console, self._say = patience, Console(console), say
        self._events: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._workers: list[Worker] = []
        self._running: set[Worker] = set()
        self._suffered: list[Worker] = []  # ended for the fault of another: ranks that waited, the scheduler
        self._judged_at: float | None = None  # when the fault is found, if nobody has failed by then
        self._code: int | None = None  # once something has ended the run
        self._kill_at: float | None = None

    def run(self, processes: Sequence[Process]) -> int:
        """Start them, wait for the end of all, and leave none behind.

        Returns:
            The exit code of the rank that failed first (128 and the signal's number where one killed it), 124 where
            a rank hung, 9 where ranks waited for one that is not here, 128 and the number of a signal that was sent
            to the launcher, or 0.
        """
        with self._signals(), self._reaper() as tell:
            try:
                for process in processes:
                    worker = Worker(process, self._console, self._events)
                    self._workers.append(worker)
                    self._running.add(worker)
                    tell(f"+{worker.group}")
                self._watch(tell)
            finally:
                for worker in self._workers:
                    worker.kill()
        return self._code or 0

    def _watch(self, tell: Callable[[str], None]) -> None:
        while self._running:
            with contextlib.suppress(queue.Empty):
                event = self._events.get(timeout=_TICK)
                if isinstance(event, Worker):
                    tell(f"-{event.group}")
                    self._ended(event)
                else:
                    self._asked(int(str(event)))
            if self._code is None and self._time_to_judge():
                self._judge()
            if self._kill_at is not None and time.monotonic() > self._kill_at:
                self._kill()
            elif self._code is None and self._patience.hang is not None:
                self._look_for_a_hang(self._patience.hang)

    def _ended(self, worker: Worker) -> None:
        self._running.discard(worker)
        if worker.code and self._code is None:
            if worker.process.rank is not None and worker.code != _WAITED:
                self._failed(worker)
            elif worker.process.rank is not None or self._ranks():  # it heard of another's end before we did
                self._suffered.append(worker)
                self._judged_at = self._judged_at or time.monotonic() + _TELLING
        if self._kill_at is None and not self._ranks():
            self._kill_at = time.monotonic() + self._patience.grace  # the scheduler ends by itself, or is ended

    def _failed(self, worker: Worker) -> None:
        self._say(blame.failed(worker))
        self._end(worker.code or 1, signal.SIGTERM, min(_PARTING, self._patience.grace))

    def _time_to_judge(self) -> bool:
        return self._judged_at is not None and (not self._ranks() or time.monotonic() > self._judged_at)

    def _judge(self) -> None:
        """Find whose fault it is, where nobody has failed but for another."""
        waited = [worker for worker in self._suffered if worker.process.rank is not None]
        early = [worker for worker in self._workers if worker.process.rank is not None and worker.code == 0]
        if absent := self._absent():
            self._say(absent)
            self._end(_WAITED, signal.SIGTERM, min(_PARTING, self._patience.grace))
        elif waited and self._ranks():
            self._hung(min(self._ranks(), key=Worker.last_beat), waited)
        elif waited:
            self._say(blame.left_early(early, waited) if early else blame.waited_in_vain(waited))
            self._end(_WAITED, signal.SIGTERM, self._patience.grace)
        else:
            self._failed(self._suffered[0])

    def _absent(self) -> str:
        """Who never came, where the scheduler process gave up waiting."""
        schedulers = [worker.process for worker in self._suffered if worker.process.rank is None]
        size = int(schedulers[0].environment.get("MS_WORKER_NUM", 0)) if schedulers else 0
        return blame.missing(schedulers[0].log, size) if size else ""

    def _ranks(self) -> list[Worker]:
        """The ranks that run."""
        return [worker for worker in self._running if worker.process.rank is not None]

    def _asked(self, number: int) -> None:
        """Pass a signal on; a second one kills."""
        if self._code is None:
            self._say(
                f"{signal.Signals(number).name}: it is passed on; {self._patience.grace:g} s to end, then SIGKILL"
            )
            self._end(128 + number, number, self._patience.grace)
        else:
            self._kill_at = 0.0

    def _end(self, code: int, number: int, grace: float) -> None:
        self._code, self._kill_at = code, time.monotonic() + grace
        for worker in self._workers:
            worker.signal(number)

    def _kill(self) -> None:
        left = sorted(self._running, key=lambda worker: worker.process.name)
        for worker in left:
            worker.kill()
        if self._code is not None and (names := ", ".join(one.process.name for one in left)):
            self._say(f"killed, because still there: {names}")
        self._kill_at = float("inf")

    def _look_for_a_hang(self, seconds: float) -> None:
        first = min(self._ranks(), key=Worker.last_beat, default=None)
        if first is not None and time.time() - first.last_beat() > seconds:
            self._hung(first, [])

    def _hung(self, worker: Worker, waited: Sequence[Worker]) -> None:
        self._say(blame.hung(worker, waited))
        self._end(HUNG, signal.SIGABRT, min(_DUMPING, self._patience.grace))

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Signals to the launcher become events; `put` may interrupt itself (SimpleQueue)."""

        def note(number: int, _: FrameType | None) -> None:
            self._events.put(number)

        heeded = [number for number in _FORWARDED if signal.getsignal(number) != signal.SIG_IGN]  # nohup ignores one
        before = {number: signal.signal(number, note) for number in heeded}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def _reaper(self) -> Iterator[Callable[[str], None]]:
        """The process that outlives a launcher that is killed; nothing is left for it where all goes well."""
        command = [sys.executable, "-S", "-E", str(_REAPER), str(self._patience.grace)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, text=True, start_new_session=True) as reaper:  # noqa: S603
            pipe = reaper.stdin
            assert pipe is not None

            def tell(line: str) -> None:
                with contextlib.suppress(BrokenPipeError):
                    print(line, file=pipe, flush=True)

            yield tell
