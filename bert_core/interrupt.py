"""Ctrl-C and SIGTERM as a flag that the loop asks, so that a run leaves between two updates."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

_BOTH = (signal.SIGINT, signal.SIGTERM)
_ENDED: dict[int, str] = {signal.SIGINT: "interrupted", signal.SIGTERM: "stopped by SIGTERM"}
_TURN = 0.2  # seconds between two looks at whether a thread is to end


class StopAsked(Exception):
    """Raised where work that changes nothing, such as an evaluation, is given up for a signal."""


class Terminated(KeyboardInterrupt):
    """SIGTERM came where no run is under way that could be saved; what Ctrl-C tidies up, this does."""


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


@contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """Let SIGTERM raise `Terminated`, unless somebody has another use for it."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


class StopFlag:
    """While entered, the first SIGINT or SIGTERM sets the flag; a second one interrupts at once.

    While MindSpore works (`ctrl_c_later`) a thread of our own hears both, since Python would hear them afterwards: it
    ends the process at a second one, with what was saved before.
    """

    def __init__(self) -> None:
        self.signal_number = 0
        self._previous: dict[int, Any] = {}
        self._left = threading.Event()
        self._listener = threading.Thread(target=self._listen, daemon=True, name="signals")

    def __enter__(self) -> StopFlag:
        for number in _BOTH:
            self._previous[number] = signal.signal(number, self._receive)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _BOTH)
        self._listener.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left.set()
        self._listener.join()  # a thread that is left cannot go on when Python ends
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.signal_number:
            raise Terminated if number == signal.SIGTERM else KeyboardInterrupt
        self.signal_number = number

    def _listen(self) -> None:
        """Take the signals that the first thread holds back; where it does not, they are its own."""
        while not self._left.is_set():
            found = signal.sigtimedwait(_BOTH, _TURN)
            if found is not None and self.signal_number:
                os.write(2, f"\nbertrun: {_ENDED[found.si_signo]}\n".encode())
                os._exit(128 + found.si_signo)
            if found is not None:
                self.signal_number = found.si_signo

    def check(self) -> None:
        """Give up work that changes nothing.

        Raises:
            StopAsked: A signal came.
        """
        if self.signal_number:
            raise StopAsked


@contextmanager
def ctrl_c_later() -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM back while MindSpore works, and let Python see them afterwards, or a `StopFlag` at once.

    MindSpore puts its own handler in place at every graph run, which turns SIGINT into SIGTERM. Threads that
    MindSpore starts inside inherit the block, so the signal waits for this thread.
    """
    if threading.current_thread() is not threading.main_thread():  # only the main thread can have handlers
        yield
        return
    handler = signal.getsignal(signal.SIGINT)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _BOTH)
    try:
        yield
    finally:
        if handler is not None:
            signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
