"""How much of the processor's time `bertrun --help` takes, by how many plugins are installed."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

MODULE = '''\
"""A plugin that is like others: options, a task, a metric."""

from dataclasses import dataclass

from bert_core import MetricSpec, TaskSpec, hookimpl, option


@dataclass(frozen=True, kw_only=True)
class Options:
    """What it can be told."""

    depth_{number}: int = option(3, minimum=1, help="How deep.")
    scheme_{number}: str = option("auto", help="Of the tags.")


@hookimpl
def bertrun_register_tasks():
    yield TaskSpec(name="made-{number}", summary="Made.", options=Options, build=lambda options, state: None)


@hookimpl
def bertrun_register_metrics():
    yield MetricSpec(name="made-score-{number}", summary="Made.", build=lambda options: len)
'''
METADATA = "Metadata-Version: 2.1\nName: bertrun-made-{number}\nVersion: 1.0\nRequires-Dist: bertrun\n"


def make(folder: Path, count: int) -> list[str]:
    """Install so many plugins in a folder; give their distributions."""
    for number in range(count):
        package = folder / f"bertrun_made_{number}"
        information = folder / f"bertrun_made_{number}-1.0.dist-info"
        package.mkdir()
        information.mkdir()
        (package / "__init__.py").touch()
        (package / "plugin.py").write_text(MODULE.format(number=number), encoding="utf-8")
        (information / "METADATA").write_text(METADATA.format(number=number), encoding="utf-8")
        entry = f"[bertrun]\nmade-{number} = bertrun_made_{number}.plugin\n"
        (information / "entry_points.txt").write_text(entry, encoding="utf-8")
    return [f"bertrun-made-{number}" for number in range(count)]


def seconds(folder: Path, allowed: list[str] | None, *arguments: str) -> float:
    """User and system time of a command line that has a folder of plugins; None allows those that are installed too."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BERTRUN_")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed has its bytecode
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    environment["PYTHONPATH"] = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    if allowed is not None:
        environment["BERTRUN_PLUGINS"] = ",".join(allowed)
    command = [sys.executable, "-m", "bert_core.cli", *arguments]
    child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, command
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """A line for each number of plugins."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[0, 6, 30])
    parser.add_argument("--repeats", type=int, default=10)
    chosen = parser.parse_args()
    for count in chosen.counts:
        for installed in (False, True):
            with tempfile.TemporaryDirectory() as name:
                made = make(Path(name), count)
                allowed = None if installed else made
                seconds(Path(name), allowed, "--help")  # writes the bytecode
                for line in (["--help"], ["plugins"]):
                    taken = [seconds(Path(name), allowed, *line) for _ in range(chosen.repeats)]
                    beside = "beside those that are installed" if installed else "alone"
                    shown = f"least {min(taken):.2f} s, median {statistics.median(taken):.2f} s"
                    print(f"{count} plugins {beside}: bertrun {' '.join(line)}: {shown}", flush=True)


if __name__ == "__main__":
    main()
