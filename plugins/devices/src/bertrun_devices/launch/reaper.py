"""A program that ends groups of processes when the launcher is gone: `reaper.py GRACE`, told of groups by its input.

A line `+7` names a group to end, a line `-7` one that has ended. SIGKILL ends a launcher without a last word; the end
of the input is the word.
"""

from __future__ import annotations

import os
import signal
import sys
import time


def main() -> None:
    """Read until the launcher is gone, then ask what is left to end, and after some seconds kill it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    until = time.monotonic() + float(sys.argv[1])
    left = [group for group in groups if tell(group, signal.SIGTERM)]
    while left and time.monotonic() < until:
        time.sleep(0.05)
        left = [group for group in left if tell(group, 0)]
    for group in left:
        tell(group, signal.SIGKILL)


def tell(group: int, number: int) -> bool:
    """Send a signal to a group; whether there is one."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()
