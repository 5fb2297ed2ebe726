"""How fast annotated sets become records, and in how much memory: `bertrun data convert`, a process for each set."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ENGLISH, CHINESE = "bert-base-uncased-vocab.txt", "bert-base-chinese-vocab.txt"
SETS: dict[str, tuple[str, list[str]]] = {
    "wnut17/wnut17train.conll": (ENGLISH, ["--task", "ner"]),
    "weibo-ner/weiboNER_2nd_conll.train": (CHINESE, ["--task", "ner"]),
    "cluener-excerpt/train.json": (CHINESE, ["--task", "ner"]),
    "tnews-excerpt/train.tsv": (CHINESE, ["--task", "classifier", "--dataset", "tnews"]),
    "stsb-excerpt/sts-train.csv": (ENGLISH, ["--task", "classifier", "--dataset", "stsb"]),
    "squad-excerpt/train.json": (ENGLISH, ["--task", "squad", "--max-length", "384"]),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print("| set | format | records | processor seconds, whole process | resident MiB |\n|---|---|---|---|---|")
    for name, (vocab, options) in SETS.items():
        for kind in ("tfrecord", "mindrecord"):
            found = [convert(arguments.data, name, options, vocab, kind) for _ in range(arguments.rounds)]
            seconds = sorted(took for took, _, _ in found)
            least, most, middle = seconds[0], seconds[-1], seconds[len(seconds) // 2]
            line = f"| {name} | {kind} | {found[0][2]} | {middle:.1f} ({least:.1f} to {most:.1f}) | {found[0][1]:.0f} |"
            print(line, flush=True)


def convert(data: Path, name: str, options: list[str], vocab: str, kind: str) -> tuple[float, float, str]:
    """Seconds of the processor, MiB, and how many records."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["data", "convert", str(data / name), f"{folder}/x.{kind}", "--vocab", str(data / "vocabs" / vocab)]
        command = [sys.executable, "-m", "bert_core.cli", *words, *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        out = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"{name} failed")
        line = next(line for line in out.splitlines() if "records of" in line)
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, line.split(": ")[1].split(" records")[0]


if __name__ == "__main__":
    main()
