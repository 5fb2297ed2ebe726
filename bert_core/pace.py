"""How often something is done: every so many steps, or minutes."""

from __future__ import annotations

import re


class Pace(str):
    """`500` steps or `15m` minutes, as users write it.

    Raises:
        ValueError: It is neither; the text is a sentence's end.
    """

    __slots__ = ()

    def __new__(cls, said: object) -> Pace:
        """Check what was said, which a run file may say as a number."""
        text = str(said)
        if isinstance(said, bool) or not re.fullmatch(r"[1-9]\d*m?", text):
            raise ValueError(f"must be a number of steps, such as 500, or of minutes, such as 15m, not {said!r}")
        return super().__new__(cls, text)

    @property
    def steps(self) -> int | None:
        """How many steps, where it counts steps."""
        return None if self.endswith("m") else int(self)

    @property
    def seconds(self) -> float | None:
        """How many seconds, where it counts minutes."""
        return 60.0 * int(self[:-1]) if self.endswith("m") else None
