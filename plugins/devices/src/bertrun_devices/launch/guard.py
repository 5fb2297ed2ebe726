"""A program that becomes another: `guard.py PARENT CORES PROGRAM ...` binds cores and dies with its parent."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h
NOT_STARTED = 127  # as shells say it


def main() -> None:
    """Prepare this process, then run the program in it; the setting outlives `exec` (prctl(2))."""
    parent, cores, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    if hasattr(os, "sched_setaffinity"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if cores:
            os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    if os.getppid() != parent:  # it died before we asked
        sys.exit(NOT_STARTED)
    try:
        os.execvp(command[0], command)  # noqa: S606
    except OSError as error:
        print(f"{command[0]} cannot be started: {error.strerror}", file=sys.stderr)
        sys.exit(NOT_STARTED)


if __name__ == "__main__":
    main()
