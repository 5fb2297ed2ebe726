"""The peer of the figures on STS-B: Hugging Face + PyTorch fine-tuned to give pairs a number.

Needs torch, transformers and scipy, of which bertrun never needs the first two:
    python benchmarks/peer_classifier.py --weights DIR --train STSB/sts-train.csv --eval STSB/sts-dev.csv [--seed 0]
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from peer_training import Trainer, batches, padded
from scipy.stats import pearsonr, spearmanr
from transformers import BertForSequenceClassification, BertTokenizerFast


def read(path):
    rows = [line.split("\t") for line in Path(path).read_text(encoding="utf-8").splitlines()]
    return [(row[5], row[6], float(row[4])) for row in rows]


def encode(rows, tokenizer, max_length):
    first, second, _ = zip(*rows, strict=True)
    pieces = tokenizer(list(first), list(second), truncation="longest_first", max_length=max_length)
    return [(ids, types, row[2]) for ids, types, row in zip(pieces.input_ids, pieces.token_type_ids, rows, strict=True)]


def collate(rows):
    ids, types, labels = zip(*rows, strict=True)
    return {
        "input_ids": padded(ids, 0),
        "token_type_ids": padded(types, 0),
        "attention_mask": padded([[1] * len(row) for row in ids], 0),
        "labels": torch.tensor(labels),
    }


def evaluate(model, rows, size):
    """Pearson's and Spearman's correlation."""
    model.eval()
    order = sorted(range(len(rows)), key=lambda i: -len(rows[i][0]))
    numbers = np.zeros(len(rows))
    with torch.no_grad():
        for start in range(0, len(order), size):
            part = order[start : start + size]
            numbers[part] = model(**collate([rows[i] for i in part])).logits[:, 0].numpy()
    gold = [row[2] for row in rows]
    return {"pearson": pearsonr(numbers, gold).statistic, "spearman": spearmanr(numbers, gold).statistic}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--weights", required=True)
    parser.add_argument("--train", required=True)
    parser.add_argument("--eval", required=True)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--warmup", type=float, default=0.1)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--max-steps", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--head", help="A .npy file of the head's first values, to begin as the other side does.")
    chosen = parser.parse_args()
    torch.manual_seed(chosen.seed)
    torch.set_num_threads(2)
    generator = np.random.default_rng(chosen.seed)
    tokenizer = BertTokenizerFast.from_pretrained(chosen.weights)
    model = BertForSequenceClassification.from_pretrained(chosen.weights, num_labels=1, problem_type="regression")
    if chosen.head:
        model.classifier.weight.data = torch.from_numpy(np.load(chosen.head))
    began = time.perf_counter()
    rows, dev = (encode(read(path), tokenizer, chosen.max_length) for path in (chosen.train, chosen.eval))
    encoded = time.perf_counter() - began
    total = chosen.max_steps or -(-len(rows) // chosen.batch_size) * chosen.epochs
    trainer = Trainer(model, chosen.learning_rate, total, chosen.warmup)
    lengths = [len(row[0]) for row in rows]
    while trainer.done < total:
        parts = batches(lengths, chosen.batch_size, generator)
        loss = trainer.epoch(parts, lambda part: collate([rows[i] for i in part]), total)
        began = time.perf_counter()
        scores = {name: round(float(value), 4) for name, value in evaluate(model, dev, 32).items()}
        evaluated = round(time.perf_counter() - began, 2)
        print(json.dumps({"step": trainer.done, "loss": round(loss, 4), **scores, "eval_s": evaluated}), flush=True)
    print(json.dumps({"read_and_encode_s": round(encoded, 3), "tokens_per_s": trainer.speed, **scores}))


if __name__ == "__main__":
    main()
