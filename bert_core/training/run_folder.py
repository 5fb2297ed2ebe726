"""The folder of a run: made only when nothing stands in the way, written by one process at a time."""

from __future__ import annotations

import json
import math
import os
import shutil
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import tomli_w

from bert_core.errors import RunBusyError, UsageError
from bert_core.files import write_json, write_text

RUN_FILE = "run.toml"
ENVIRONMENT = "environment.json"
LOCK = "lock.json"


class RunFolder:
    """What one run writes.

    Args:
        path: An existing folder, made by `create` or `reopen`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._replaced: Path | None = None
        self._lock()
        self._metrics = (path / "metrics.jsonl").open("a", encoding="utf-8")
        self._log = (path / "log.txt").open("a", encoding="utf-8")

    @classmethod
    def create(cls, path: Path, *, overwrite: bool) -> RunFolder:
        """Make the folder.

        Raises:
            UsageError: It holds a run and may not be replaced, holds something else, or cannot be written.
            RunBusyError: Another process writes it.
        """
        check_free(path, overwrite=overwrite)
        path = path.resolve()  # a link stays a link
        try:
            replaced = _set_aside(path) if path.is_dir() and any(path.iterdir()) else None
            path.mkdir(parents=True, exist_ok=True)
            folder = cls(path)
            folder._replaced = replaced
            return folder
        except OSError as error:
            raise UsageError(f"cannot write the run's folder: {error.strerror}", where=path) from None

    @classmethod
    def reopen(cls, path: Path) -> RunFolder:
        """Go on writing the folder of an earlier run.

        Raises:
            RunBusyError: Another process writes it.
        """
        return cls(path)

    def forget_replaced(self) -> None:
        """Remove the run that this one replaces: now there is something to replace it."""
        if self._replaced is not None:
            shutil.rmtree(self._replaced, ignore_errors=True)
            self._replaced = None

    def close(self) -> None:
        """Give the folder free; a run that was to be replaced is back where nothing replaced it."""
        for file in (self._metrics, self._log):
            with suppress(OSError):  # what a full disk did not take is tried again, and was said
                file.close()
        (self.path / LOCK).unlink(missing_ok=True)
        if self._replaced is not None:
            shutil.rmtree(self.path)
            self._replaced.rename(self.path)

    def log(self, line: str) -> None:
        """Keep a line of the console."""
        self._log.write(line + "\n")
        self._log.flush()

    def metrics(self, **values: Any) -> None:
        """Write a line of `metrics.jsonl`."""
        self._metrics.write(json.dumps(values) + "\n")
        self._metrics.flush()

    def cut_metrics(self, step: int) -> None:
        """Forget the lines after a step, which a resumed run writes again."""
        path = self.path / "metrics.jsonl"
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        kept = [line for line in lines if _step_of(line) <= step]
        self._metrics.close()
        write_text(path, "".join(line + "\n" for line in kept))
        self._metrics = path.open("a", encoding="utf-8")

    def write_run_file(self, tables: Mapping[str, Any]) -> None:
        """Write `run.toml`, which does the run again."""
        write_text(self.path / RUN_FILE, tomli_w.dumps(tables))

    def write_environment(self, environment: Mapping[str, Any]) -> None:
        """Write `environment.json`."""
        write_json(self.path / ENVIRONMENT, environment)

    def add_observers(self, seconds: Mapping[str, float]) -> None:
        """Add to `environment.json` how long each plugin looked on, in all the starts of the run."""
        if seconds:
            environment = json.loads((self.path / ENVIRONMENT).read_text(encoding="utf-8"))
            before = environment.get("observers", {})
            taken = {plugin: round(before.get(plugin, 0) + value, 3) for plugin, value in seconds.items()}
            write_json(self.path / ENVIRONMENT, {**environment, "observers": {**before, **taken}})

    def inputs(self) -> dict[str, str]:
        """The files that the run began with, and the digest of each."""
        environment = json.loads((self.path / ENVIRONMENT).read_text(encoding="utf-8"))
        return dict(environment["inputs"])

    def write_scores(self, scores: Mapping[str, Any]) -> None:
        """Write `scores.json`."""
        write_json(self.path / "scores.json", scores)

    def write_predictions(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write `predictions.jsonl`, in the order given."""
        write_text(self.path / "predictions.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))

    def write_files(self, files: Mapping[str, Any]) -> None:
        """Write the JSON files that a task makes of its predictions, by name."""
        for name, content in files.items():
            write_json(self.path / name, content)

    def _lock(self) -> None:
        """Take the folder; of two processes that found it idle, the first has it."""
        owner = {"pid": os.getpid(), "host": socket.gethostname()}
        try:
            with (self.path / LOCK).open("x", encoding="utf-8") as stream:
                json.dump(owner, stream)
        except FileExistsError:
            _check_idle(self.path)
            write_json(self.path / LOCK, owner)


class FollowedFolder(RunFolder):
    """The folder of a run as a process sees it that leaves the writing to another.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def forget_replaced(self) -> None:
        """Nothing: the other does."""

    def close(self) -> None:
        """Nothing is held."""

    def log(self, line: str) -> None:
        """Nothing."""

    def metrics(self, **values: Any) -> None:
        """Nothing."""

    def cut_metrics(self, step: int) -> None:
        """Nothing."""

    def write_run_file(self, tables: Mapping[str, Any]) -> None:
        """Nothing."""

    def write_environment(self, environment: Mapping[str, Any]) -> None:
        """Nothing."""

    def add_observers(self, seconds: Mapping[str, float]) -> None:
        """Nothing."""

    def write_scores(self, scores: Mapping[str, Any]) -> None:
        """Nothing."""

    def write_predictions(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Nothing."""

    def write_files(self, files: Mapping[str, Any]) -> None:
        """Nothing."""


def _set_aside(path: Path) -> Path:
    """Give a run another name until there is something to replace it; one that waits there already goes on waiting."""
    aside = path.with_name(f".{path.name}.replaced")
    if aside.exists():
        shutil.rmtree(path)
    else:
        path.rename(aside)
    return aside


def free_default(parent: Path, name: str) -> Path:
    """`parent/name`, or the first of `name-2`, `name-3`, ... that does not exist."""
    path = parent / name
    number = 2
    while path.exists():
        path = parent / f"{name}-{number}"
        number += 1
    return path


def check_free(path: Path, *, overwrite: bool) -> None:
    """Refuse a folder that a run may not be written to, before any work starts.

    Raises:
        UsageError: It holds a run and may not be replaced, holds something else, or cannot be written.
        RunBusyError: Another process writes it.
    """
    try:
        is_file = path.exists() and not path.is_dir()
    except OSError as error:
        raise UsageError(f"cannot be a folder: {error.strerror}", where=path, hint="Choose another --output") from None
    if is_file:
        raise UsageError("this is a file, and a run needs a folder", where=path, hint="Choose another --output")
    _check_idle(path)
    if path.is_dir() and any(path.iterdir()):
        if not (path / RUN_FILE).is_file():
            raise UsageError("this folder holds something other than a run", where=path, hint="Choose another --output")
        if not overwrite:
            hint = f"`bertrun resume {path}` goes on with it, --overwrite replaces it, --output chooses another place"
            raise UsageError("this folder already holds a run", where=path, hint=hint)
    nearest = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        reason = "no permission to write" if nearest.is_dir() else "this is a file:"
        raise UsageError(f"cannot be made: {reason} {nearest}", where=path, hint="Choose another --output")


def _check_idle(path: Path) -> None:
    try:
        owner = json.loads((path / LOCK).read_text(encoding="utf-8"))
        pid, host = int(owner["pid"]), str(owner["host"])
    except (OSError, ValueError, KeyError, TypeError):
        return
    if host == socket.gethostname() and not _alive(pid):
        return
    hint = f"Wait for it, or stop it; if there is no such process, delete {LOCK}"
    raise RunBusyError(f"process {pid} on {host} is writing this run", where=path, hint=hint)


def _step_of(line: str) -> float:
    """The step of a line of metrics; one that was cut off belongs to none."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
