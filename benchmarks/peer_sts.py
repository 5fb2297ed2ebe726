"""The other side of `sts.py`: the same figure from Hugging Face + PyTorch.

Needs torch, transformers and scipy, of which bertrun never needs the first two:
    python benchmarks/peer_sts.py --weights DIR --data STSB/sts-dev.csv [--pooling mean]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from scipy.stats import spearmanr
from transformers import BertModel, BertTokenizerFast


def embed(model, tokenizer, sentences, pooling, size=32):
    vectors = []
    for start in range(0, len(sentences), size):
        batch = tokenizer(sentences[start : start + size], padding=True, truncation=True, return_tensors="pt")
        with torch.no_grad():
            out = model(**batch)
        if pooling == "mean":
            mask = batch["attention_mask"][..., None].float()
            vectors.append((out.last_hidden_state * mask).sum(1) / mask.sum(1))
        else:
            vectors.append(out.last_hidden_state[:, 0] if pooling == "cls" else out.pooler_output)
    return torch.cat(vectors)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--weights", required=True)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--pooling", default="mean", choices=["mean", "cls", "pooler"])
    chosen = parser.parse_args()
    rows = [line.split("\t") for line in chosen.data.read_text(encoding="utf-8").splitlines()]
    tokenizer = BertTokenizerFast.from_pretrained(chosen.weights)
    model = BertModel.from_pretrained(chosen.weights).eval()
    left, right = (embed(model, tokenizer, [row[column] for row in rows], chosen.pooling) for column in (5, 6))
    cosines = torch.nn.functional.cosine_similarity(left, right).numpy()
    print(f"{spearmanr(cosines, [float(row[4]) for row in rows]).statistic:.6f}")


if __name__ == "__main__":
    main()
