"""The other side of pre-training: Hugging Face + PyTorch on the batches of `pretrain_batches.py`.

Needs torch, transformers and safetensors, which bertrun never does:
    HF/bin/python benchmarks/peer_pretrain.py --batches BATCHES --output peer.jsonl --eval-every 100

First values, batches, their order, learning rates, clipping and decay are those of the run that the files were made of;
scores of pieces are computed for the masked ones only, as they are there. Dropout is on and its draws are torch's.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy
from transformers import BertConfig, BertForPreTraining


class Batches:
    """Batches by number, without what fills rows up."""

    def __init__(self, path: Path) -> None:
        self._arrays = dict(np.load(path))
        self.rates = self._arrays.pop("rates", None)

    def __len__(self) -> int:
        return len(self._arrays["input_ids"])

    def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
        found = {name: array[number] for name, array in self._arrays.items()}
        lengths = found["attention_mask"].sum(1)
        rows, length = int((lengths > 0).sum()), int(lengths.max())
        predictions = max(1, int((found["masked_lm_weights"] > 0).sum(1).max()))
        widths = {name: predictions if name.startswith("masked_lm") else length for name in found}
        cut = {name: a[:rows] if a.ndim == 1 else a[:rows, : widths[name]] for name, a in found.items()}
        floats = ("masked_lm_weights",)
        return {name: torch.from_numpy(a) if name in floats else torch.from_numpy(a).long() for name, a in cut.items()}


def logits(model: BertForPreTraining, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Of the masked pieces (rows * predictions, pieces) and the pairs (rows, 2)."""
    out = model.bert(batch["input_ids"], batch["attention_mask"], batch["token_type_ids"])
    places = batch["masked_lm_positions"].unsqueeze(-1).expand(-1, -1, out.last_hidden_state.shape[-1])
    return model.cls(out.last_hidden_state.gather(1, places).flatten(0, 1), out.pooler_output)


def losses(model: BertForPreTraining, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor, Any]:
    words, pairs = logits(model, batch)
    weights = batch["masked_lm_weights"].flatten()
    each = cross_entropy(words, batch["masked_lm_ids"].flatten(), reduction="none")
    masked = (each * weights).sum() / weights.sum()
    return masked, cross_entropy(pairs, batch["next_sentence_labels"]), (words, pairs)


def evaluate(model: BertForPreTraining, batches: Batches) -> dict[str, float]:
    model.eval()
    sums = np.zeros(6)
    with torch.no_grad():
        for number in range(len(batches)):
            batch = batches[number]
            masked, pair, (words, pairs) = losses(model, batch)
            weights, rows = batch["masked_lm_weights"].flatten(), len(pairs)
            right = ((words.argmax(-1) == batch["masked_lm_ids"].flatten()) * weights).sum()
            follows = (pairs.argmax(-1) == batch["next_sentence_labels"]).sum()
            mass = float(weights.sum())
            sums += [float(masked) * mass, float(right), mass, float(pair) * rows, float(follows), rows]
    model.train()
    return {
        "masked_lm_loss": sums[0] / sums[2],
        "masked_lm_accuracy": sums[1] / sums[2],
        "next_sentence_loss": sums[3] / sums[5],
        "next_sentence_accuracy": sums[4] / sums[5],
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--batches", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--eval-every", type=int, default=100)
    parser.add_argument("--max-steps", type=int)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(chosen.threads)
    settings = json.loads((chosen.batches / "settings.json").read_text())
    model = BertForPreTraining(BertConfig(**settings["model"]))
    model.load_state_dict(load_file(chosen.batches / "first.safetensors"), strict=False)
    model.tie_weights()
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": settings["weight_decay"]}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, fused=True)
    train, held = Batches(chosen.batches / "train.npz"), Batches(chosen.batches / "eval.npz")
    with chosen.output.open("w") as stream:

        def say(**line: Any) -> None:
            print(json.dumps(line), file=stream, flush=True)

        say(step=0, scores=evaluate(model, held))
        for step in range(1, (chosen.max_steps or len(train)) + 1):
            began, used = time.perf_counter(), time.process_time()
            batch = train[step - 1]
            for group in optimizer.param_groups:
                group["lr"] = float(train.rates[step - 1])
            masked, pair, _ = losses(model, batch)
            (masked + pair).backward()
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), settings["clip_norm"])
            optimizer.step()
            optimizer.zero_grad()
            loss = float((masked + pair).detach())
            seconds, tokens = time.perf_counter() - began, int(batch["attention_mask"].sum())
            say(
                step=step,
                loss=loss,
                grad_norm=float(norm),
                tokens=tokens,
                seconds=seconds,
                cpu=time.process_time() - used,
            )
            if step % chosen.eval_every == 0 or step == len(train):
                say(step=step, scores=evaluate(model, held))


if __name__ == "__main__":
    main()
