"""What a probe may look at: files, programs and variables, of this machine or of one that a test has made up."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

MOST = 1 << 16  # bytes that are read of a file or of what a program prints


def wheel_folder() -> Path | None:
    """Where MindSpore is installed, without importing it."""
    try:
        found = importlib.util.find_spec("mindspore")
    except (ImportError, ValueError):
        return None
    return Path(found.origin).parent if found is not None and found.origin else None


@dataclass(frozen=True)
class Said:
    """What a program printed, or why there is nothing.

    Args:
        text: Its output; None where it did not run, did not end, or failed.
        why: What became of it then, the end of a sentence.
    """

    text: str | None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A machine. Nothing here raises: what cannot be read is not there.

    Args:
        root: The folder that all paths begin at.
        environment: The variables; also where programs are looked for (`PATH`).
        wheel: The folder of the package `mindspore`, where it is installed.
    """

    root: Path = Path("/")
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    wheel: Path | None = field(default_factory=wheel_folder)

    def at(self, path: str) -> Path:
        """A path of this machine."""
        return self.root / path.lstrip("/")

    def text(self, path: str) -> str | None:
        """The beginning of a file, whatever bytes it holds; None where it cannot be read."""
        try:
            with self.at(path).open("rb") as file:
                return file.read(MOST).decode(errors="replace")
        except (OSError, ValueError):
            return None

    def names(self, folder: str) -> list[str]:
        """What a folder holds, in order; nothing where it cannot be listed."""
        try:
            return sorted(os.listdir(self.at(folder)))
        except (OSError, ValueError):
            return []

    def opens(self, path: str) -> bool:
        """Whether a device node can be read and written."""
        return os.access(self.at(path), os.R_OK | os.W_OK)

    def folders(self, variable: str) -> list[str]:
        """The folders that a variable lists."""
        return [part for part in self.environment.get(variable, "").split(":") if part]

    def has(self, program: str) -> bool:
        """Whether a program is on the path."""
        return self._program(program) is not None

    def ask(self, program: str, *arguments: str, seconds: float) -> Said:
        """What a program prints, where it ends well and in time."""
        found = self._program(program)
        if found is None:
            return Said(None, "is not on the path")
        try:
            with tempfile.TemporaryFile() as output:
                code = _ended([found, *arguments], output.fileno(), seconds)
                output.seek(0)
                text = output.read(MOST).decode(errors="replace")
        except (OSError, ValueError) as error:
            return Said(None, f"could not be started: {error}")
        if code is None:
            return Said(None, f"did not answer in {seconds:g} seconds")
        return Said(text) if code == 0 else Said(None, f"failed with code {code}: {' '.join(text.split())[:200]}")

    def _program(self, name: str) -> str | None:
        return shutil.which(name, path=self.environment.get("PATH", ""))


def _ended(command: Sequence[str], output: int, seconds: float) -> int | None:
    """The exit code, or None where the time was up.

    Then it is killed with all that it started, and hardly waited for: a driver that hangs holds even a killed process.
    """
    process = subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
    )
    end = time.monotonic() + seconds
    while (code := process.poll()) is None and time.monotonic() < end:
        time.sleep(0.01)
    if code is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
    return code
