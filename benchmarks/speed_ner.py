"""Training speed on CoNLL data, bertrun and its peer in turn: useful tokens a second, medians over rounds.

    python benchmarks/speed_ner.py --peer-python PEER/bin/python --weights DIR --train F --eval F

Both sides see sentences of like length together, 32 at once, in float32; padding is not counted, and neither
are the first three steps, in which graphs are compiled and memory is taken.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

WARM_UP = 3
PEER = Path(__file__).with_name("peer_ner.py")


def ours(chosen: argparse.Namespace, *more: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "run"
        what = ["--task", "ner", "--weights", chosen.weights, "--train-data", chosen.train, "--no-eval"]
        how = ["--max-steps", str(chosen.steps), "--log-every", "1", "--quiet", "--output", str(output)]
        subprocess.run([sys.executable, "-m", "bert_core.cli", *what, *how, *more], check=True)
        lines = (output / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    steps = [row for row in map(json.loads, lines) if "loss" in row][WARM_UP:]
    tokens = sum(row["tokens_per_s"] * row["seconds"] for row in steps)
    return tokens / sum(row["seconds"] for row in steps)


def peer(chosen: argparse.Namespace, *more: str) -> float:
    files = ["--weights", chosen.weights, "--train", chosen.train, "--eval", chosen.eval]
    command = [chosen.peer_python, str(PEER), *files, "--max-steps", str(chosen.steps), *more]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout.splitlines()[-1])["tokens_per_s"])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer-python", required=True)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--train", required=True)
    parser.add_argument("--eval", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=40)
    chosen = parser.parse_args()
    rows = []
    for number in range(chosen.rounds):
        rows.append((ours(chosen), peer(chosen), ours(chosen, "--crf")))
        print(f"round {number + 1}: bertrun {rows[-1][0]:.0f}, peer {rows[-1][1]:.0f}, bertrun --crf {rows[-1][2]:.0f}")
    ratios = [mine / theirs for mine, theirs, _ in rows]
    middle = [statistics.median(column) for column in zip(*rows, strict=True)]
    print(f"medians: bertrun {middle[0]:.0f}, peer {middle[1]:.0f}, bertrun --crf {middle[2]:.0f} tokens/s")
    print(f"bertrun / peer: median {statistics.median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}")


if __name__ == "__main__":
    main()
