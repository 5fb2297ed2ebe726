"""What the peers of fine-tuning share: the order of batches, the optimizer with its schedule, and one epoch."""

from __future__ import annotations

import time

import numpy as np
import torch

POOL = 50  # batches, as in Hugging Face's length-grouped order and in bertrun's
WARM_UP = 3  # steps whose time is not counted


def batches(lengths, size, generator):
    """Shuffle, sort pools of 50 batches by length, cut; the smaller batch is a random one, as in bertrun."""
    order = generator.permutation(len(lengths))
    whole = len(order) - len(order) % size
    for start in range(0, whole, size * POOL):
        part = order[start : min(start + size * POOL, whole)]
        part[:] = sorted(part, key=lambda i: lengths[i])
    cut = [order[start : start + size] for start in range(0, len(order), size)]
    return [cut[i] for i in generator.permutation(len(cut))]


def padded(rows, value):
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[value] * (longest - len(row))] for row in rows])


class Trainer:
    """AdamW with bias correction, decay of matrices alone, linear schedule with warm-up, clipping at 1.

    Args:
        model: What is trained.
        rate: The highest learning rate.
        total: Updates.
        warmup: Their share in which the rate rises.
    """

    def __init__(self, model, rate, total, warmup):
        self.model = model
        matrices = [p for p in model.parameters() if p.ndim > 1]
        others = [p for p in model.parameters() if p.ndim <= 1]
        groups = [{"params": matrices, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=rate)
        rise = int(total * warmup)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda s: (s + 1) / rise if s < rise else (total - s) / max(1, total - rise)
        )
        self.done, self.tokens, self.seconds = 0, 0, 0.0

    def epoch(self, parts, collate, stop):
        """Make an update from each part, until so many are made in all; the mean loss."""
        self.model.train()
        losses = []
        for part in parts:
            if self.done == stop:
                break
            start = time.perf_counter()
            inputs = collate(part)
            loss = self.model(**inputs).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.schedule.step()
            self.optimizer.zero_grad()
            losses.append(float(loss.detach()))
            self.done += 1
            if self.done > WARM_UP:
                self.tokens += int(inputs["attention_mask"].sum())
                self.seconds += time.perf_counter() - start
        return float(np.mean(losses)) if losses else None

    @property
    def speed(self):
        """Pieces a second, padding not counted."""
        return round(self.tokens / self.seconds) if self.seconds else None
