"""What a check finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the doctor's report.

    Args:
        check: What was looked at.
        state: How it is.
        what: What was found.
        advice: What to do, where something is wrong: a line for each part of it.
        stops: Whether nothing can run on the chosen device because of it.
    """

    check: str
    state: State = "ok"
    what: str
    advice: str = ""
    stops: bool = False


Check = Callable[[], Iterable[Finding]]


def findings(checks: Iterable[tuple[str, Check]]) -> Iterator[Finding]:
    """What checks find, one after another; one that fails says so, and the others go on.

    Args:
        checks: Each with its name.
    """
    for name, check in checks:
        try:
            yield from check()
        except (Exception, SystemExit) as error:  # a stranger's plugin or a broken installation may raise anything
            what = " ".join(f"this check failed: {type(error).__name__}: {error}".split())
            yield Finding(check=name, state="problem", what=what, advice="Please report this line.")
