"""Where the time of question answering goes beside training: reading, featurising, the model, search, scores.

    python benchmarks/squad_parts.py --run RUN --train SQUAD/train.json --eval SQUAD/dev.json

`RUN` is a run of the task 'squad'. The other side of each is in the last line of `peer_squad.py`. A training step's
seconds are those of the run's metrics.jsonl, without the first three.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

from bert_core.finished import FinishedRun
from bert_core.manager import PluginManager, Policy
from bert_core.training.evaluation import score


def steps(run: Path) -> dict[str, float]:
    lines = map(json.loads, (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines())
    rows = [row for row in lines if "loss" in row and row["step"] > 3]
    tokens = sum(row["tokens_per_s"] * row["seconds"] for row in rows)
    mean = statistics.fmean(row["seconds"] for row in rows)
    return {"step_s": mean, "tokens_per_s": tokens / sum(row["seconds"] for row in rows)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", required=True, type=Path)
    parser.add_argument("--train", required=True, type=Path)
    parser.add_argument("--eval", required=True, type=Path)
    chosen = parser.parse_args()
    finished = FinishedRun(chosen.run, PluginManager(Policy.from_environment(), say=print))
    task, text, evaluator = finished.task, finished.text, finished._evaluator
    marks = [time.perf_counter()]
    train, dev = task.read(chosen.train, "train").examples, task.read(chosen.eval, "test").examples
    marks.append(time.perf_counter())
    learnt, windows = task.encode(train, text), task.encode(dev, text)
    marks.append(time.perf_counter())
    evaluator._logits(windows[:32], lambda: None)  # compiles
    before = time.perf_counter()
    outputs = evaluator._logits(windows, lambda: None)
    marks.append(time.perf_counter())
    found = task.predict(dev, windows, outputs, {})
    marks.append(time.perf_counter())
    scores = score(task, finished.metrics, dev, found)
    marks.append(time.perf_counter())
    names = ("read_s", "featurise_s", "forward_s", "postprocess_s", "score_s")
    parts = {name: end - start for name, start, end in zip(names, marks, marks[1:], strict=False)}
    parts["forward_s"] = marks[3] - before
    counts = {"train_windows": len(learnt), "dev_windows": len(windows)}
    print(json.dumps({**counts, **{n: round(v, 4) for n, v in (steps(chosen.run) | parts | scores).items()}}))


if __name__ == "__main__":
    main()
