"""What a run of pre-training begins with and learns from, as files that NumPy and safetensors read.

    python benchmarks/pretrain_batches.py --output BATCHES --model bert-mini --vocab VOCAB --train-data RECORDS \
        --eval-data RECORDS --max-steps 1000 ...

Every other option is one of `bertrun --task pretrain`, and the files are those of that run: `first.safetensors`, the
first values; `train.npz`, the batch of each update in order, and its learning rate; `eval.npz`, the batches of an
evaluation. Rows are filled up with zeros to --max-length pieces and --max-predictions masked ones.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bert_core.manager import PluginManager
from bert_core.options import Layer
from bert_core.plan import make_plan
from bert_core.runner import Run
from bert_core.text.batches import cut, evaluation_order, lengths_of, pad
from bert_core.training.saving import copied, write_tensors


class Quiet:
    """A reporter that says its lines on stderr."""

    def say(self, line: str) -> None:
        print(line, file=sys.stderr)


def batches(run: Run, windows: Sequence[Any], orders: Iterable[tuple[int, Any]]) -> dict[str, np.ndarray]:
    """All batches of one size in one array for each input; the rows that a batch lacks are zeros."""
    options, task = run.plan.run, run.plan.options("task")
    orders = list(orders)
    size = max(len(rows) for _, rows in orders)
    pieces, predictions = (len(orders), size, options.max_length), (len(orders), size, task.max_predictions)
    shapes = {
        **dict.fromkeys(("input_ids", "token_type_ids", "attention_mask"), (pieces, np.int32)),
        **dict.fromkeys(("masked_lm_positions", "masked_lm_ids"), (predictions, np.int32)),
        "masked_lm_weights": (predictions, np.float32),
        "next_sentence_labels": ((len(orders), size), np.int32),
    }
    found = {name: np.zeros(shape, kind) for name, (shape, kind) in shapes.items()}
    for number, (epoch, rows) in enumerate(orders):
        cuts = cut(windows, rows, seed=options.seed, epoch=epoch)
        batch = pad(cuts, run.task.features, pad_id=run.text.pad_id)
        for name, array in found.items():
            part = batch[name]
            array[(number, *(slice(0, length) for length in part.shape))] = part
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--model", required=True)
    chosen, others = parser.parse_known_args()
    flat = {name.removeprefix("--").replace("-", "_"): value for name, value in zip(*[iter(others)] * 2, strict=True)}
    manager = PluginManager()
    layer = Layer(origin="command line", flat=flat)
    plan = make_plan(manager, wanted={"task": "pretrain", "model": chosen.model}, layers=[layer])
    run = Run(plan, manager, Quiet(), None)
    course = run.trainer.course
    chosen.output.mkdir(parents=True, exist_ok=True)
    write_tensors(chosen.output / "first.safetensors", copied(run.assembled.parameters))
    steps = range(course.total_steps)
    train = batches(run, course.windows, [(step // len(course.order), course.order.at(step)) for step in steps])
    rates = np.array([course.learning_rate * course.schedule(step) for step in steps])
    np.savez(chosen.output / "train.npz", rates=rates, **train)
    windows = run.task.encode(run.data.eval.examples, run.text)
    order = evaluation_order(lengths_of(windows), plan.run.eval_batch_size)
    np.savez(chosen.output / "eval.npz", **batches(run, windows, [(0, rows) for rows in order]))
    model = plan.settings.tables()["model"]
    settings = {"model": model, "clip_norm": plan.run.clip_norm, "weight_decay": plan.options("optimizer").weight_decay}
    (chosen.output / "settings.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("GLOG_v", "3")
    main()
