"""How many texts are done: a live line on a terminal, a plain line now and then elsewhere; all on stderr."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console as Terminal
from rich.live import Live
from rich.text import Text

from bert_core.interrupt import ctrl_c_later

_EVERY = 10.0  # seconds between plain lines


class Progress:
    """To be called with the number of texts done.

    Args:
        live: Whether a terminal may have a live line; not where results go to the same terminal.
    """

    def __init__(self, *, live: bool) -> None:
        self._terminal = Terminal(stderr=True, highlight=False, soft_wrap=True)
        # Standard output is not rich's to redirect: it holds the results.
        self._live = Live(
            console=self._terminal, refresh_per_second=4, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._shows = live and self._terminal.is_terminal
        self._first: tuple[float, int] | None = None
        self._said = 0.0

    def __enter__(self) -> Progress:
        if self._shows:
            with ctrl_c_later():  # it starts a thread
                self._live.start()
            self._live.update(Text("compiling the encoder, once for all lengths"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def say(self, line: str) -> None:
        """A line of its own."""
        self._terminal.print(line, markup=False)

    def __call__(self, done: int) -> None:
        """Show how many are done, and how fast since the first, before which the graph is compiled."""
        now = time.monotonic()
        if self._first is None:
            self._first, self._said = (now, done), now
        if self._shows:
            self._live.update(Text(self._line(now, done)))
        elif now - self._said >= _EVERY:
            self._said = now
            self.say(self._line(now, done))

    def _line(self, now: float, done: int) -> str:
        start, before = self._first or (now, done)
        rate = f", {(done - before) / (now - start):.0f} a second" if now > start else ""
        return f"texts: {done}{rate}"
