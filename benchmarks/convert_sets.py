"""How fast annotated sets become records, and in how much memory: `bertrun data convert`, a process for each set."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SETS = {
    "wnut17/wnut17train.conll": ("ner", "bert-base-uncased-vocab.txt"),
    "weibo-ner/weiboNER_2nd_conll.train": ("ner", "bert-base-chinese-vocab.txt"),
    "cluener-excerpt/train.json": ("ner", "bert-base-chinese-vocab.txt"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print("| set | format | records | seconds, whole process | resident MiB |\n|---|---|---|---|---|")
    for name, (task, vocab) in SETS.items():
        for kind in ("tfrecord", "mindrecord"):
            found = [convert(arguments.data, name, task, vocab, kind) for _ in range(arguments.rounds)]
            seconds = sorted(took for took, _, _ in found)
            least, most, middle = seconds[0], seconds[-1], seconds[len(seconds) // 2]
            print(f"| {name} | {kind} | {found[0][2]} | {middle:.1f} ({least:.1f} to {most:.1f}) | {found[0][1]:.0f} |")


def convert(data: Path, name: str, task: str, vocab: str, kind: str) -> tuple[float, float, str]:
    """Seconds, MiB, and how many records."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["data", "convert", "--task", task, str(data / name), f"{folder}/x.{kind}"]
        words += ["--vocab", str(data / "vocabs" / vocab), "--max-length", "128"]
        begin = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", "bert_core.cli", *words], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        out = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"{name} failed")
        line = next(line for line in out.splitlines() if "records of" in line)
        return time.perf_counter() - begin, usage.ru_maxrss / 1024, line.split(": ")[1].split(" records")[0]


if __name__ == "__main__":
    main()
