"""Whether a run should leave before its end, which all of its processes decide together."""

from __future__ import annotations

import time
from collections.abc import Sequence

from bert_core.interrupt import StopAsked, StopFlag

from .ranks import Ranks


class Leaving:
    """The reasons to leave.

    One process alone leaves when its own signal or clock says so. Several tell one another at each step, since none
    can go on without the others: a signal to any of them counts, and the clock of the first.

    Args:
        flag: The signal that came to this process.
        ranks: The processes.
        max_minutes: How long the run may take from now; None for ever.
    """

    def __init__(self, flag: StopFlag, ranks: Ranks, max_minutes: float | None) -> None:
        self._flag, self._alone, self._leads = flag, ranks.alone, ranks.leads
        self._until = None if max_minutes is None else time.monotonic() + 60 * max_minutes
        self._asked = self._late = False

    def told(self) -> Sequence[float]:
        """What this process tells the others: whether a signal came, and whether time is up."""
        return float(bool(self._flag.signal_number)), float(self._leads and self._is_late())

    def heard(self, sums: Sequence[float]) -> None:
        """Take what all have told, added up."""
        asked, late = sums
        self._asked, self._late = asked > 0, late > 0

    def check(self) -> None:
        """Give up work that changes nothing.

        Raises:
            StopAsked: A signal came.
        """
        if self._alone:
            self._flag.check()
        elif self._asked:
            raise StopAsked

    @property
    def late(self) -> bool:
        """Whether time is up."""
        return self._is_late() if self._alone else self._late

    def _is_late(self) -> bool:
        return self._until is not None and time.monotonic() >= self._until
