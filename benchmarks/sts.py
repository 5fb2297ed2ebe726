"""How the cosine of two sentences' vectors ranks their likeness: Spearman's correlation on an STS benchmark file.

    python benchmarks/sts.py --weights minilm-l6 --data STSB/sts-dev.csv [--pooling mean]

Columns are separated by tabs: the score in the fifth, the sentences in the sixth and seventh. Nothing is trained.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

import bert_core
from bert_core.embedder import normalized


def read(path: Path) -> tuple[list[float], list[str], list[str]]:
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    return [float(row[4]) for row in rows], [row[5] for row in rows], [row[6] for row in rows]


def correlation(weights: str | Path, data: Path, pooling: str = "mean") -> float:
    """Spearman's correlation of the cosines and the scores."""
    scores, first, second = read(data)
    loaded = bert_core.load(weights)
    left, right = (normalized(loaded.embed(sentences, pooling)) for sentences in (first, second))
    return float(spearmanr(np.sum(left * right, axis=1), scores).statistic)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--weights", required=True)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--pooling", default="mean")
    chosen = parser.parse_args()
    print(f"{correlation(chosen.weights, chosen.data, chosen.pooling):.6f}")


if __name__ == "__main__":
    main()
