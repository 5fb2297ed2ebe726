"""The peer of the NER figures: Hugging Face + PyTorch fine-tuned for token classification on CoNLL columns.

Needs torch, transformers and seqeval, which bertrun never does:
    pip install torch==2.13.0 transformers seqeval
    python benchmarks/peer_ner.py --weights DIR --train F --eval F [--epochs 5 --seed 0]
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2
from transformers import BertForTokenClassification, BertTokenizerFast

IGNORED = -100


def read(path: str) -> list[tuple[list[str], list[str]]]:
    sentences: list[tuple[list[str], list[str]]] = []
    words: list[str] = []
    tags: list[str] = []
    for line in [*Path(path).read_text(encoding="utf-8-sig").split("\n"), ""]:
        fields = line.split("\t") if "\t" in line else line.split(" ")
        if not line.strip() or line.startswith("-DOCSTART-"):
            if words:
                sentences.append((words, tags))
            words, tags = [], []
        else:
            words.append(fields[0])
            tags.append(fields[-1].strip())
    return sentences


def encode(sentences, tokenizer, ids, max_length):
    encoded = []
    for words, tags in sentences:
        pieces = tokenizer(words, is_split_into_words=True, truncation=True, max_length=max_length)
        labels, previous = [], None
        for word in pieces.word_ids():
            labels.append(IGNORED if word is None or word == previous else ids[tags[word]])
            previous = word
        encoded.append((pieces["input_ids"], labels))
    return encoded


def grouped(lengths, size, generator):
    """Hugging Face's length-grouped order: shuffle, pools of 50 batches, sort each, cut."""
    order = generator.permutation(len(lengths))
    pool = size * 50
    for start in range(0, len(order), pool):
        order[start : start + pool] = sorted(order[start : start + pool], key=lambda i: -lengths[i])
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    return [batches[i] for i in generator.permutation(len(batches))]


def collate(rows, pad):
    longest = max(len(ids) for ids, _ in rows)
    ids = torch.tensor([ids + [pad] * (longest - len(ids)) for ids, _ in rows])
    labels = torch.tensor([labels + [IGNORED] * (longest - len(labels)) for _, labels in rows])
    mask = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids, _ in rows])
    return ids, mask, labels


def evaluate(model, rows, sentences, names, size, pad):
    model.eval()
    predicted = []
    with torch.no_grad():
        for start in range(0, len(rows), size):
            ids, mask, labels = collate(rows[start : start + size], pad)
            best = model(input_ids=ids, attention_mask=mask).logits.argmax(-1)
            predicted += [
                [names[b] for b, g in zip(p, q, strict=True) if g != IGNORED]
                for p, q in zip(best.tolist(), labels.tolist(), strict=True)
            ]
    gold = [tags[: len(p)] for (_, tags), p in zip(sentences, predicted, strict=True)]
    return f1_score(gold, predicted, mode="strict", scheme=IOB2)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--weights", required=True)
    parser.add_argument("--train", required=True)
    parser.add_argument("--eval", required=True)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--warmup", type=float, default=0.1)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--max-steps", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bf16", action="store_true")
    chosen = parser.parse_args()

    torch.manual_seed(chosen.seed)
    torch.set_num_threads(2)
    generator = np.random.default_rng(chosen.seed)
    train, dev = read(chosen.train), read(chosen.eval)
    names = sorted({tag for _, tags in train + dev for tag in tags}, key=lambda t: (t != "O", t))
    ids = {name: i for i, name in enumerate(names)}
    tokenizer = BertTokenizerFast.from_pretrained(chosen.weights)
    model = BertForTokenClassification.from_pretrained(chosen.weights, num_labels=len(names))
    rows = encode(train, tokenizer, ids, chosen.max_length)
    dev_rows = encode(dev, tokenizer, ids, chosen.max_length)
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=chosen.learning_rate)
    per_epoch = -(-len(rows) // chosen.batch_size)
    total = per_epoch * chosen.epochs
    warmup = int(total * chosen.warmup)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: (s + 1) / max(1, warmup) if s < warmup else (total - s) / max(1, total - warmup)
    )
    done, tokens, seconds = 0, 0, 0.0
    for epoch in range(chosen.epochs):
        model.train()
        for batch in grouped([len(r[0]) for r in rows], chosen.batch_size, generator):
            start = time.perf_counter()
            input_ids, mask, labels = collate([rows[i] for i in batch], tokenizer.pad_token_id)
            with torch.autocast("cpu", torch.bfloat16, enabled=chosen.bf16):
                loss = model(input_ids=input_ids, attention_mask=mask, labels=labels).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            done += 1
            if done > 3:
                tokens, seconds = tokens + int(mask.sum()), seconds + time.perf_counter() - start
            if done == chosen.max_steps:
                break
        if done == chosen.max_steps:
            break
        score = evaluate(model, dev_rows, dev, names, chosen.batch_size, tokenizer.pad_token_id)
        print(
            json.dumps({"epoch": epoch + 1, "f1": round(score, 4), "tokens_per_s": round(tokens / seconds)}), flush=True
        )
    print(json.dumps({"tokens_per_s": round(tokens / seconds), "steps": done}))


if __name__ == "__main__":
    main()
