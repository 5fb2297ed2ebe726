"""Names that users type: how they are spelled and what to say when one is not there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def is_name(text: str) -> bool:
    """Whether the text is lower-case words joined by `-`."""
    return _NAME.fullmatch(text) is not None


def did_you_mean(wanted: str, known: Iterable[str]) -> str:
    """`Did you mean 'sts'?`, or nothing where no known name is close."""
    close = get_close_matches(wanted, list(known), n=1)
    return f"Did you mean '{close[0]}'?" if close else ""


def listed(names: Iterable[str]) -> str:
    """The names in order, or `none`."""
    return ", ".join(sorted(names)) or "none"
