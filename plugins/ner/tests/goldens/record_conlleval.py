"""Records what conlleval.pl counts: `python record_conlleval.py CONLLEVAL.PL WNUT17_DEV > conlleval.json`."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from pathlib import Path

LABELS = ("O", "O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-creative-work", "I-creative-work")


def conlleval(script: str, gold: list[list[str]], predicted: list[list[str]]) -> dict[str, object]:
    rows = (
        "\n\n".join(
            "\n".join(f"w {a} {b}" for a, b in zip(*pair, strict=True)) for pair in zip(gold, predicted, strict=True)
        )
        + "\n"
    )
    lines = subprocess.run(["perl", script], input=rows, capture_output=True, text=True, check=True).stdout.splitlines()
    numbers = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", " ".join(lines[:2]).replace("FB1", ""))]
    names = ("tokens", "gold", "found", "correct", "accuracy", "precision", "recall", "f1")
    types = {}
    for line in lines[2:]:
        name, rest = line.strip().split(": ", 1)
        found = re.findall(r"\d+(?:\.\d+)?", rest.replace("FB1", ""))
        types[name] = dict(zip(("precision", "recall", "f1", "found"), map(float, found), strict=True))
    return {**dict(zip(names, numbers, strict=True)), "types": types}


def random_case(script: str, seed: int) -> dict[str, object]:
    rng = random.Random(seed)
    gold = [rng.choices(LABELS, k=rng.randint(1, 9)) for _ in range(60)]
    predicted = [[tag if rng.random() < 0.7 else rng.choice(LABELS) for tag in tags] for tags in gold]
    return {"gold": gold, "predicted": predicted, "conlleval": conlleval(script, gold, predicted)}


def wnut_case(script: str, path: Path) -> dict[str, object]:
    blocks = path.read_text(encoding="utf-8").strip().split("\n\n")
    gold = [[line.split("\t")[1] for line in block.split("\n")] for block in blocks]
    rng = random.Random(17)
    labels = sorted({tag for tags in gold for tag in tags})
    places = [(i, j) for i, tags in enumerate(gold) for j in range(len(tags))]
    near = [(i, j) for i, j in places if gold[i][j] != "O"]
    changes = [(*place, rng.choice(labels)) for place in sorted(rng.sample(near, 150) + rng.sample(places, 100))]
    predicted = [list(tags) for tags in gold]
    for i, j, tag in changes:
        predicted[i][j] = tag
    return {"changes": changes, "conlleval": conlleval(script, gold, predicted)}


if __name__ == "__main__":
    program, wnut = sys.argv[1:]
    cases = {"random": [random_case(program, seed) for seed in range(3)], "wnut17-dev": wnut_case(program, Path(wnut))}
    print(json.dumps(cases, separators=(",", ":")))
