"""Ctrl-C and SIGTERM as a flag that the loop asks, so that a run leaves between two updates."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any


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
    """While entered, the first SIGINT or SIGTERM sets the flag; a second one interrupts at once."""

    def __init__(self) -> None:
        self.signal_number = 0
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> StopFlag:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.signal_number:
            raise Terminated if number == signal.SIGTERM else KeyboardInterrupt
        self.signal_number = number

    def check(self) -> None:
        """Give up work that changes nothing.

        Raises:
            StopAsked: A signal came.
        """
        if self.signal_number:
            raise StopAsked


@contextmanager
def ctrl_c_later() -> Iterator[None]:
    """Hold Ctrl-C back while MindSpore works, and let Python see it afterwards.

    MindSpore puts its own handler in place at every graph run, which turns SIGINT into SIGTERM. Threads that
    MindSpore starts inside inherit the block, so the signal waits for this thread.
    """
    if threading.current_thread() is not threading.main_thread():  # only the main thread can have handlers
        yield
        return
    handler = signal.getsignal(signal.SIGINT)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        if handler is not None:
            signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
