"""A step of AdamW with clipping for BERT-base, here and in torch, in turn: seconds and ratio; LAMB beside it.

    python benchmarks/optimizer_speed.py --peer-python HF/bin/python

Both sides hold the 110 million parameters of BERT-base with its 30,522 pieces, take gradients that are there already,
clip them by their global norm and update; each waits while the other computes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("GLOG_v", "3")

import mindspore as ms
import numpy as np
from bertrun_optimizers.fused import adamw
from bertrun_optimizers.lamb import Lamb
from bertrun_optimizers.options import AdamWOptions, LambOptions
from mindspore import Parameter, ParameterTuple, Tensor, nn

from bert_core.training.groups import parameter_groups
from bert_core.training.step import Update

LAYER = [*[(768, 768), (768,)] * 4, (768,), (768,), (3072, 768), (3072,), (768, 3072), (768,), (768,), (768,)]
SHAPES = [(30522, 768), (512, 768), (2, 768), (768,), (768,), *LAYER * 12, (768, 768), (768,)]


class Step(nn.Cell):
    """Clipping and update by gradients that stay."""

    def __init__(self, update: Update, gradients: ParameterTuple) -> None:
        super().__init__()
        self.update = update
        self.gradients = gradients

    def construct(self, rate: Any, number: Any) -> Any:
        norm, _ = self.update(self.gradients, rate, number)
        return norm


class Ours:
    """A side that makes one step when asked."""

    def __init__(self, build: Any, options: Any) -> None:
        named = {f"p{i}": self._full(f"p{i}", shape, 0.01) for i, shape in enumerate(SHAPES)}
        groups = parameter_groups(named, weight_decay=0.01, rates={}, undecayed=())
        shapes = [parameter.shape for group in groups for parameter in group.parameters]
        gradients = ParameterTuple([self._full(f"g{i}", shape, 1e-3) for i, shape in enumerate(shapes)])
        self._step = Step(Update(build(options, groups), 1.0), gradients)
        self._number = 0

    @staticmethod
    def _full(name: str, shape: tuple[int, ...], value: float) -> Parameter:
        return Parameter(Tensor(np.full(shape, value, np.float32)), name=name)

    def __call__(self) -> tuple[float, float]:
        self._number += 1
        rate, number = Tensor(np.float32(1e-5)), Tensor(np.float32(self._number))
        began, used = time.perf_counter(), time.process_time()
        self._step(rate, number).asnumpy()
        return time.perf_counter() - began, time.process_time() - used


class Peer:
    """torch in a process of its own."""

    def __init__(self, python: Path, threads: int) -> None:
        command = [str(python), str(Path(__file__).with_name("peer_optimizer.py")), str(threads), json.dumps(SHAPES)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        print("peer:", self._process.stdout.readline().strip())

    def __call__(self) -> tuple[float, float]:
        self._process.stdin.write("step\n")
        self._process.stdin.flush()
        wall, used = self._process.stdout.readline().split()
        return float(wall), float(used)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer-python", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    ms.set_context(mode=ms.GRAPH_MODE)
    print(f"{sum(int(np.prod(shape)) for shape in SHAPES):,} parameters, load {os.getloadavg()[0]:.1f}")
    sides = {
        "AdamW": Ours(adamw, AdamWOptions()),
        "LAMB": Ours(Lamb, LambOptions()),
        "torch": Peer(arguments.peer_python, arguments.threads),
    }
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    used: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(arguments.rounds + 3):
        for name, side in sides.items():
            taken, processor = side()
            if number >= 3:
                seconds[name].append(taken)
                used[name].append(processor)
    sides["torch"].close()
    for name, taken in seconds.items():
        spread = f"least {min(taken):.3f}, most {max(taken):.3f}"
        print(
            f"{name}: median {statistics.median(taken):.3f} s ({spread}), processor {statistics.median(used[name]):.3f}"
        )
    for name in ("AdamW", "LAMB"):
        pairs = [mine / theirs for mine, theirs in zip(seconds[name], seconds["torch"], strict=True)]
        ratio = statistics.median(seconds[name]) / statistics.median(seconds["torch"])
        print(f"{name} over torch: {ratio:.2f}; median of the rounds' own ratios {statistics.median(pairs):.2f}")
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
