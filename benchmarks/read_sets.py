"""How fast sets for named entities are read, and how much memory what was read takes: a process for each set."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SETS = ("wnut17/wnut17train.conll", "cluener-excerpt/train.json")
SIZE = 4 << 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)  # what the processes are told
    arguments = parser.parse_args()
    if arguments.one is not None:
        return measure(arguments.one)
    print("| set, repeated to 4 MiB | sentences | MB a second of the processor | more resident MB |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in SETS:
            content = (arguments.data / name).read_bytes().rstrip() + b"\n\n"
            path = Path(folder, Path(name).name)
            path.write_bytes(content * (SIZE // len(content) + 1))
            found = [_run(path) for _ in range(arguments.rounds)]
            speeds = ", ".join(f"{speed:.1f}" for _, speed, _ in found)
            print(f"| {name} | {found[0][0]:,.0f} | {speeds} | {found[0][2]:.0f} |", flush=True)
    return None


def measure(path: Path) -> None:
    """Read a file, and print how many sentences it has, megabytes a second, and megabytes that are resident after."""
    from bertrun_ner.files import read_sentences

    before, begin = _resident(), time.process_time()
    corpus = read_sentences(path)
    took = time.process_time() - begin
    print(len(corpus.sentences), path.stat().st_size / 1e6 / took, (_resident() - before) / 1e6)


def _run(path: Path) -> tuple[float, float, float]:
    command = [sys.executable, __file__, "--one", str(path)]
    sentences, speed, memory = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(sentences), float(speed), float(memory)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
