"""Ctrl-C and SIGTERM as a flag that the loop asks, so that a run leaves between two updates."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any


class StopAsked(Exception):
    """Raised where work that changes nothing, such as an evaluation, is given up for a signal."""


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
            raise KeyboardInterrupt
        self.signal_number = number

    def check(self) -> None:
        """Give up work that changes nothing.

        Raises:
            StopAsked: A signal came.
        """
        if self.signal_number:
            raise StopAsked
