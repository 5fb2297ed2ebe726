"""What is done about records that cannot be read: `--on-bad-record error|skip:N`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bert_core.errors import UsageError


@dataclass(frozen=True)
class BadRecords:
    """How many records that cannot be read are left out; with one more, reading stops.

    Args:
        limit: Of the whole source; 0 stops at the first one.
    """

    limit: int = 0

    @classmethod
    def parse(cls, text: str) -> BadRecords:
        """What a user says: `error`, or `skip:N`.

        Raises:
            UsageError: It is neither.
        """
        if text == "error":
            return cls()
        found = re.fullmatch(r"skip:([0-9]{1,9})", text)
        if found is None:
            raise UsageError(f"--on-bad-record is 'error' or 'skip:N' with a number, not {text!r}")
        return cls(int(found[1]))

    def __str__(self) -> str:
        return f"skip:{self.limit}" if self.limit else "error"
