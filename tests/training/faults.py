"""Commits a checkpoint again and again, each time stopped at a later touch of the file system.

`python faults.py kill|raise FOLDER KEEP BEST`: FOLDER/start is a run's folder. For each point n a copy FOLDER/n is
made, and a process that commits step 9 to it kills itself, or meets a full disk, at its n-th touch. Prints how many
points there are.
"""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from bert_core.training.checkpoints import Checkpoints

TOUCHES = ("open", "os.mkdir", "os.rename", "os.rmdir", "os.remove", "os.symlink", "fsync")


def write(folder: Path) -> None:
    for name in ("model.safetensors", "state.json"):
        (folder / name).write_text(f"{name} of step 9\n" * 50)


class Fault:
    """Stops the process at its n-th touch of files; the interpreter announces each before it happens."""

    def __init__(self, point: int, how: str) -> None:
        self.left = point
        self.how = how
        self.fsync = os.fsync
        os.fsync = self.audited_fsync
        sys.addaudithook(self.touch)

    def touch(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in TOUCHES:
            return
        self.left -= 1
        if self.left == 0:
            if self.how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            raise OSError(errno.ENOSPC, "No space left on device")

    def audited_fsync(self, descriptor: int) -> None:
        sys.audit("fsync", descriptor)
        self.fsync(descriptor)


def finished(run: Path, point: int, how: str, keep: int, best: bool) -> bool:
    """Whether the commit came to its end before the point."""
    child = os.fork()
    if child == 0:
        fault = Fault(point, how)
        with suppress(OSError):
            Checkpoints(run, keep=keep).commit(9, write, best=best)
        os._exit(0 if fault.left > 0 else 1)
    return os.waitpid(child, 0)[1] == 0


def main() -> None:
    how, folder, keep, best = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "best"
    for point in itertools.count(1):
        run = folder / str(point)
        shutil.copytree(folder / "start", run, symlinks=True)
        if finished(run, point, how, keep, best):
            print(point)
            return


if __name__ == "__main__":
    main()
