"""A picture and a table of two pre-trainings: `pretrain_curves.py RUN BEFORE PEER.jsonl --output PNG`.

RUN is the folder of bertrun's run, BEFORE that of its scores before the first update (`--no-train`), and PEER what
`peer_pretrain.py` wrote. Needs matplotlib, which bertrun never does. Losses of updates are means of ten.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

MEAN = 10


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


class Side:
    """What one side said: its updates, and its scores of held-out records by update."""

    def __init__(self, said: list[dict[str, Any]], before: dict[str, float] | None = None) -> None:
        self.updates = [line for line in said if "loss" in line]
        self.scores = {0: before} if before else {}
        self.scores |= {
            line["step"]: line["scores"] for line in said if "scores" in line and "best" not in line.get("title", "")
        }

    def means(self) -> tuple[list[int], list[float]]:
        parts = [self.updates[start : start + MEAN] for start in range(0, len(self.updates), MEAN)]
        return [part[-1]["step"] for part in parts], [statistics.fmean(one["loss"] for one in part) for part in parts]

    def speed(self) -> float:
        """Pieces a second, the first three updates left out."""
        some = self.updates[3:]
        pieces = [one.get("tokens", one.get("tokens_per_s", 0) * one["seconds"]) for one in some]
        return sum(pieces) / sum(one["seconds"] for one in some)


def draw(sides: dict[str, Side], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.2), dpi=90)
    for (name, side), colour in zip(sides.items(), ("C0", "C1"), strict=True):
        left.plot(*side.means(), color=colour, label=name, linewidth=1)
        steps = sorted(side.scores)
        right.plot(steps, [side.scores[step]["masked_lm_loss"] for step in steps], color=colour, marker=".", label=name)
    left.set(title="loss of updates", xlabel="update", ylabel="masked pieces and pairs")
    right.set(title="loss of masked pieces, held-out articles", xlabel="update")
    left.legend()
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("before", type=Path)
    parser.add_argument("peer", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    chosen = parser.parse_args()
    before = lines(chosen.before / "metrics.jsonl")[-1]["scores"]
    sides = {
        "bertrun": Side(lines(chosen.run / "metrics.jsonl"), before),
        "Hugging Face + PyTorch": Side(lines(chosen.peer)),
    }
    draw(sides, chosen.output)
    names = ("masked_lm_accuracy", "masked_lm_loss", "next_sentence_accuracy", "next_sentence_loss")
    for side_name, side in sides.items():
        print(f"{side_name}: {len(side.updates)} updates, {side.speed():.0f} pieces a second")
        for step in (min(side.scores), max(side.scores)):
            print(f"  after {step}: " + ", ".join(f"{name} {side.scores[step][name]:.4f}" for name in names))


if __name__ == "__main__":
    main()
