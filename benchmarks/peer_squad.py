"""The peer of the figures on SQuAD: Hugging Face + PyTorch fine-tuned to answer questions with a part of a text.

Windows and the search for answers are those of Google's run_squad.py, scores those of SQuAD v1.1's evaluation. Needs
torch and transformers, which bertrun never does:
    python benchmarks/peer_squad.py --weights DIR --train SQUAD/train.json --eval SQUAD/dev.json [--seed 0]
"""

from __future__ import annotations

import argparse
import collections
import json
import re
import string
import time
from pathlib import Path

import numpy as np
import torch
from peer_training import Trainer, batches, padded
from transformers import BertForQuestionAnswering, BertTokenizerFast

N_BEST, LONGEST = 20, 30
QUERY, STRIDE = 64, 128


def read(path):
    found = []
    for article in json.loads(Path(path).read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            found += [(paragraph["context"], asked) for asked in paragraph["qas"]]
    return found


def featurise(questions, tokenizer, max_length, learnt):
    """Windows: question, ids, types, answer, characters of each piece of the context, where it is best shown."""
    texts = list(dict.fromkeys(context for context, _ in questions))
    coded = tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True, truncation=False)
    contexts = dict(zip(texts, zip(coded.input_ids, coded.offset_mapping, strict=True), strict=True))
    asked = tokenizer([q["question"] for _, q in questions], add_special_tokens=False).input_ids
    cls_id, sep_id = tokenizer.cls_token_id, tokenizer.sep_token_id
    windows = []
    for number, ((context, question), query) in enumerate(zip(questions, asked, strict=True)):
        ids, offsets = contexts[context]
        answer = question["answers"][0]
        first, last = answer["answer_start"], answer["answer_start"] + len(answer["text"])
        if learnt and not context.startswith(answer["text"], first):
            continue
        inside = [i for i, (start, end) in enumerate(offsets) if start < last and end > first]
        head = [cls_id, *query[:QUERY], sep_id]
        room = max_length - len(head) - 1
        spans, start = [], 0
        while True:
            end = min(start + room, len(ids))
            spans.append((start, end))
            if end == len(ids):
                break
            start += min(room, STRIDE)
        for place, (start, end) in enumerate(spans):
            row = [*head, *ids[start:end], sep_id]
            types = [0] * len(head) + [1] * (len(row) - len(head))
            whole = bool(inside) and inside[0] >= start and inside[-1] < end
            where = (inside[0] - start + len(head), inside[-1] - start + len(head)) if whole else (0, 0)
            best = [place == home(spans, i) for i in range(start, end)]
            windows.append((number, row, types, where, len(head), offsets[start:end], best))
    return windows


def home(spans, piece):
    """The part that shows a piece with the most context."""
    scores = [
        min(piece - start, end - 1 - piece) + 0.01 * (end - start) if start <= piece < end else -1
        for start, end in spans
    ]
    return int(np.argmax(scores))


def collate(windows):
    return {
        "input_ids": padded([w[1] for w in windows], 0),
        "token_type_ids": padded([w[2] for w in windows], 0),
        "attention_mask": padded([[1] * len(w[1]) for w in windows], 0),
        "start_positions": torch.tensor([w[3][0] for w in windows]),
        "end_positions": torch.tensor([w[3][1] for w in windows]),
    }


def logits_of(model, windows, size):
    model.eval()
    order = sorted(range(len(windows)), key=lambda i: -len(windows[i][1]))
    found = [None] * len(windows)
    with torch.no_grad():
        for begin in range(0, len(order), size):
            part = order[begin : begin + size]
            inputs = collate([windows[i] for i in part])
            out = model(**{name: inputs[name] for name in ("input_ids", "token_type_ids", "attention_mask")})
            for place, i in enumerate(part):
                length = len(windows[i][1])
                found[i] = (out.start_logits[place, :length].numpy(), out.end_logits[place, :length].numpy())
    return found


def answers_of(questions, windows, logits):
    """The best span over the windows of each question by raw scores."""
    best = {}
    for (number, _, _, _, head, offsets, shown), (starts, ends) in zip(windows, logits, strict=True):
        context = questions[number][0]
        for start in np.argsort(-starts, kind="stable")[:N_BEST].tolist():
            for end in np.argsort(-ends, kind="stable")[:N_BEST].tolist():
                if start < head or end - head >= len(offsets) or start - head >= len(offsets) or end < start:
                    continue
                if end - start >= LONGEST or not shown[start - head]:
                    continue
                score = float(starts[start]) + float(ends[end])
                if number not in best or score > best[number][0]:
                    best[number] = (score, context[offsets[start - head][0] : offsets[end - head][1]])
    return [best.get(number, (0, ""))[1] for number in range(len(questions))]


def normal(text):
    text = "".join(letter for letter in text.lower() if letter not in set(string.punctuation))
    return re.sub(r"\b(a|an|the)\b", " ", text).split()


def f1(one, other):
    one, other = normal(one), normal(other)
    common = sum((collections.Counter(one) & collections.Counter(other)).values())
    return 2 * common / (len(one) + len(other)) if common else 0.0


def scores_of(questions, answers):
    exact = total = 0.0
    for (_, question), answer in zip(questions, answers, strict=True):
        golds = [one["text"] for one in question["answers"]]
        exact += max(normal(answer) == normal(gold) for gold in golds)
        total += max(f1(answer, gold) for gold in golds)
    return {"exact": 100 * exact / len(questions), "f1": 100 * total / len(questions)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--weights", required=True)
    parser.add_argument("--train", required=True)
    parser.add_argument("--eval", required=True)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--warmup", type=float, default=0.1)
    parser.add_argument("--max-length", type=int, default=384)
    parser.add_argument("--max-steps", type=int)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    torch.manual_seed(chosen.seed)
    torch.set_num_threads(2)
    generator = np.random.default_rng(chosen.seed)
    tokenizer = BertTokenizerFast.from_pretrained(chosen.weights)
    model = BertForQuestionAnswering.from_pretrained(chosen.weights)
    began = time.perf_counter()
    train, dev = read(chosen.train), read(chosen.eval)
    opened = time.perf_counter()
    windows = featurise(train, tokenizer, chosen.max_length, learnt=True)
    shown = featurise(dev, tokenizer, chosen.max_length, learnt=False)
    parts = {"read_s": opened - began, "featurise_s": time.perf_counter() - opened}
    total = chosen.max_steps or -(-len(windows) // chosen.batch_size) * chosen.epochs
    print(json.dumps({"train_windows": len(windows), "dev_windows": len(shown), "steps": total}), flush=True)
    trainer = Trainer(model, chosen.learning_rate, total, chosen.warmup)
    lengths = [len(window[1]) for window in windows]
    while trainer.done < total:
        order = batches(lengths, chosen.batch_size, generator)
        loss = trainer.epoch(order, lambda part: collate([windows[i] for i in part]), total)
        print(json.dumps({"step": trainer.done, "loss": round(loss, 4), "tokens_per_s": trainer.speed}), flush=True)
    marks = [time.perf_counter()]
    logits = logits_of(model, shown, 32)
    marks.append(time.perf_counter())
    answers = answers_of(dev, shown, logits)
    marks.append(time.perf_counter())
    scores = scores_of(dev, answers)
    marks.append(time.perf_counter())
    names = ("forward_s", "postprocess_s", "score_s")
    parts |= {name: after - before for name, before, after in zip(names, marks, marks[1:], strict=False)}
    rounded = {name: round(value, 3) for name, value in (parts | scores).items()}
    print(json.dumps({"step_s": round(trainer.seconds / max(1, trainer.done - 3), 4), **rounded}))


if __name__ == "__main__":
    main()
