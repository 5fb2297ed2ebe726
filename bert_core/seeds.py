"""The same run with several seeds, each in a process and a folder of its own, and what they score together."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Protocol

from .begun import default_folder, folder_of, is_begun
from .errors import Interrupted, SeedError
from .files import write_json
from .manager import PluginManager
from .plan import Plan
from .training.checkpoints import committed
from .training.run_folder import RUN_FILE, RunFolder

SEEDS = "seeds.json"
FINAL = ("test", "eval", "best")  # of `scores.json`: the scores that a run was made for stand under the first of these


class SeedsReporter(Protocol):
    """Where runs with several seeds say what they do."""

    def say(self, line: str) -> None:
        """A line about what goes on."""

    def seeds(self, lines: Sequence[str], summary: Mapping[str, Any]) -> None:
        """What all of them scored, as lines of a table and as the content of `seeds.json`."""


def train_seeds(plan: Plan, manager: PluginManager, reporter: SeedsReporter, *, resume: Path | None = None) -> None:
    """Run a plan with each of its seeds, one after the other, in `seed-0`, `seed-1`, ... of the run's folder.

    Each has a fresh process, so that what one leaves in memory costs the next nothing. A signal goes to the process
    at work, which saves its state.

    Args:
        plan: The run; its `seeds` says how many, its `seed` the first.
        manager: The plugins.
        reporter: What is said goes here and into the folder's log.
        resume: The folder of such a run to go on with: what ended stays, what was stopped goes on.

    Raises:
        SeedError: One of them failed; it has its exit code.
        Interrupted: A signal came.
    """
    auto = plan.run.resume == "auto"
    if resume is None and auto and is_begun(plan):
        resume = folder_of(plan)
    if resume is None:
        path = folder_of(plan) if auto else plan.run.output or default_folder(plan.choices["task"].name)
        folder = RunFolder.create(path, overwrite=plan.run.overwrite)
        folder.write_run_file(plan.tables())
    else:
        folder = RunFolder.reopen(resume)
    try:
        Seeds(plan, manager, folder, reporter).go()
    finally:
        _leave(folder, new=resume is None)


class Seeds:
    """The runs of all seeds in one folder.

    Args:
        plan: What each does.
        manager: The plugins.
        folder: Where theirs are.
        reporter: Where it is said.
    """

    def __init__(self, plan: Plan, manager: PluginManager, folder: RunFolder, reporter: SeedsReporter) -> None:
        self._run = plan.run
        policy = manager.policy
        self._told = [word for name in sorted(policy.blocked) for word in ("--no-plugin", name)]
        self._told += ["--locked", str(policy.lock.path)] if policy.lock is not None else []
        self._folder = folder
        self._reporter = reporter
        self._numbers = range(plan.run.seed, plan.run.seed + plan.run.seeds)

    def go(self) -> None:
        """Run those that have not ended; write and say what all of them scored."""
        ended = _ended(self._folder.path)
        scores: dict[int, dict[str, float]] = {}
        with PassedOn() as signals:
            for seed in self._numbers:
                path = self._folder.path / f"seed-{seed}"
                if seed not in ended:
                    self._say(f"seed {seed} of {self._numbers[0]} to {self._numbers[-1]}: {path}")
                    self._train(seed, path, signals)
                scores[seed] = final_scores(path)
                write_json(self._folder.path / SEEDS, summary(scores))
        lines = table(summary(scores))
        for line in lines:
            self._folder.log(line)
        self._reporter.seeds(lines, summary(scores))

    def _train(self, seed: int, path: Path, signals: PassedOn) -> None:
        code = signals.run(self._command(seed, path), self._printed())
        saved = (path / "latest").is_dir()
        if saved:
            self._folder.forget_replaced()
        hint = f"`bertrun resume {self._folder.path}` goes on" if saved or seed > self._numbers[0] else None
        if signals.number:
            what = f"stopped by a signal {'after' if code == 0 else 'in the run of'} seed {seed}"
            raise Interrupted(what, signal_number=signals.number, hint=hint)
        if code:
            what = f"the run of seed {seed} ended with exit code {code}, and no other was begun after it"
            raise SeedError(what, exit_code=code, hint=hint)
        self._folder.metrics(seed=seed, scores=final_scores(path))

    def _command(self, seed: int, path: Path) -> list[str]:
        """The command line of one run: from its newest checkpoint, or from the start."""
        if committed(path / "checkpoints"):
            said = ["resume", str(path)]
        else:
            said = ["--config", str(self._folder.path / RUN_FILE), "--seeds", "1", "--seed", str(seed)]
            said += ["--output", str(path), "--overwrite", "--no-json"]
        return [sys.executable, "-m", "bert_core.cli", *said, *self._told]

    def _printed(self) -> int | None:
        """Where a run prints: its last line is no longer the last one."""
        if self._run.quiet:
            return subprocess.DEVNULL
        return sys.__stderr__.fileno() if self._run.json and sys.__stderr__ else None

    def _say(self, line: str) -> None:
        self._folder.log(line)
        self._reporter.say(line)


class PassedOn:
    """While entered, a signal that asks this process to stop goes to the one that it runs.

    That has a session of its own: Ctrl-C on a terminal, which all processes of a session hear, would be heard twice,
    and the second time ends a run at once.
    """

    def __init__(self) -> None:
        self.number = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> PassedOn:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
                self._previous[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.number = self.number or number
        if self._process is not None:
            self._process.send_signal(number)

    def run(self, command: Sequence[str], printed: int | None) -> int:
        """Wait for a process to its end; its exit code, 128 and more where a signal ended it.

        Args:
            command: The command line.
            printed: The descriptor that it prints to; None for this process's own.
        """
        where = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PYTHONSAFEPATH": "1"}
        self._process = subprocess.Popen(  # noqa: S603
            command, env={**os.environ, **where}, stdin=subprocess.DEVNULL, stdout=printed, start_new_session=True
        )
        if self.number:  # it came while the process was made
            self._process.send_signal(self.number)
        code = self._process.wait()
        self._process = None
        return code if code >= 0 else 128 - code


def final_scores(run: Path) -> dict[str, float]:
    """The scores that a run which ended was made for; none where nothing was scored."""
    stored = json.loads((run / "scores.json").read_text(encoding="utf-8"))
    return next((dict(stored[name]["scores"]) for name in FINAL if name in stored), {})


def summary(scores: Mapping[int, Mapping[str, float]]) -> dict[str, Any]:
    """The content of `seeds.json`: of each score that all runs have, its values, their mean and their deviation.

    The deviation is that of a sample, the root of  sum (x - mean)^2 / (n - 1); one run has none.

    Args:
        scores: Of each run by its seed; at least one.
    """
    runs = list(scores.values())
    values = {name: [run[name] for run in runs] for name in runs[0] if all(name in run for run in runs)}
    return {
        "seeds": list(scores),
        "scores": {
            name: {
                "values": found,
                "mean": statistics.fmean(found),
                "deviation": statistics.stdev(found) if len(found) > 1 else None,
            }
            for name, found in values.items()
        },
    }


def table(summary: Mapping[str, Any]) -> list[str]:
    """What `seeds.json` says, as lines: a row for each score."""
    rows = [["score", *(f"seed {seed}" for seed in summary["seeds"]), "mean", "deviation"]]
    for name, score in summary["scores"].items():
        numbers = [*score["values"], score["mean"], score["deviation"]]
        rows.append([name, *("" if number is None else f"{number:.4f}" for number in numbers)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]


def _ended(folder: Path) -> set[int]:
    """The seeds whose runs ended before."""
    try:
        seeds = json.loads((folder / SEEDS).read_text(encoding="utf-8"))["seeds"]
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    return {seed for seed in seeds if (folder / f"seed-{seed}" / "scores.json").is_file()}


def _leave(folder: RunFolder, *, new: bool) -> None:
    """Close the folder; nothing is left of a new one in which no run began."""
    if new and not any(folder.path.glob("seed-*")):
        for name in (RUN_FILE, "log.txt", "metrics.jsonl"):
            (folder.path / name).unlink(missing_ok=True)
    folder.close()
    with suppress(OSError):  # it is not empty
        folder.path.rmdir()
