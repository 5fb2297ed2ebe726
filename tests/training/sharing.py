"""One of several processes that share the optimizer's state: `python sharing.py OUTPUT COUNT OPTIMIZER`.

Makes four updates of two micro-batches, clipped, with a loss scale, of which the second overflows in one process, first
with whole state in each process and then with shared state: two updates, then the state is collected, written and read
into new moments, then two more. Writes what came of both, and how many numbers of state this process kept.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import mindspore as ms
import numpy as np
from bertrun_optimizers.fused import adamw
from bertrun_optimizers.lamb import Lamb
from bertrun_optimizers.momentum import GradientDescent, Momentum
from bertrun_optimizers.options import AdamWOptions, LambOptions, MomentumOptions
from mindspore import Parameter, Tensor, nn, ops
from mindspore.communication import init

from bert_core.training.optimizer_state import OptimizerState
from bert_core.training.ranks import Ranks
from bert_core.training.saving import write_tensors
from bert_core.training.shares import Shares
from bert_core.training.step import Stepper
from bert_core.types import ParameterGroup

BUILDS = {
    "adamw": lambda groups: adamw(AdamWOptions(), groups),
    "adamw-plain": lambda groups: adamw(AdamWOptions(fused=False), groups),
    "lamb": lambda groups: Lamb(LambOptions(), groups),
    "momentum": lambda groups: Momentum(MomentumOptions(), groups),
    "sgd": lambda groups: GradientDescent(groups),
}


class Regression(nn.Cell):
    """The squared error of a map with a layer between."""

    def __init__(self) -> None:
        super().__init__()
        random = np.random.default_rng(0)
        new = lambda name, *shape: Parameter(Tensor(random.normal(size=shape).astype(np.float32)), name=name)  # noqa: E731
        self.first, self.bias1 = new("first", 5, 40), new("bias1", 40)
        self.second, self.bias2 = new("second", 40, 3), new("bias2", 3)

    def construct(self, totals, x, y):
        inner = ops.tanh(ops.matmul(x, self.first) + self.bias1)
        difference = ops.matmul(inner, self.second) + self.bias2 - y
        return (difference * difference).sum() / totals[0]


class Rig:
    """A stepper with an optimizer of all parameters, or of a share."""

    def __init__(self, objective, ranks, name, *, shared):
        matrices, vectors = [objective.first, objective.second], [objective.bias1, objective.bias2]
        groups = [
            ParameterGroup(parameters=matrices, weight_decay=0.1),
            ParameterGroup(parameters=vectors, weight_decay=0.0, rate=2.0),
        ]
        shares = Shares.of(groups, rank=ranks.rank, size=ranks.size) if shared else None
        optimizer = BUILDS[name](shares.groups(groups) if shares else groups)
        self.parameters = [*matrices, *vectors]
        names = {parameter.name for parameter in self.parameters}
        kept = {p.name: p for p in optimizer.get_parameters() if p.name not in names}
        self.state = OptimizerState(kept, ranks, shared=shared)
        how = {"clip_norm": 1.0, "accumulate": 2, "scaled": True, "processes": ranks.size, "shares": shares}
        self.stepper = Stepper(objective, self.parameters, optimizer, **how)


def outcomes(rig, ranks, steps):
    found = []
    for step in steps:
        random = np.random.default_rng(step)
        x, y = random.normal(size=(24, 5)).astype(np.float32), random.normal(size=(24, 3)).astype(np.float32)
        if step == 1:
            y[-1] = 1e30  # a row of the last process
        x, y = ranks.share(x), ranks.share(y)
        parts = zip(np.array_split(x, 2), np.array_split(y, 2), strict=True)
        totals = Tensor(np.array([24 * 3], np.float32))
        batches = [[totals, Tensor(a), Tensor(b)] for a, b in parts]
        outcome = rig.stepper(batches, rate=0.05, number=step + 1, scale=1024.0)
        found.append([outcome.loss, outcome.norm, outcome.norms.tolist(), outcome.applied])
    return found


def bits(values):
    return {name: value.tobytes().hex() for name, value in sorted(values.items())}


def main() -> None:
    output, count, name = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    ms.set_device("CPU")
    ms.set_context(mode=ms.GRAPH_MODE)
    if os.environ["MS_ROLE"] == "MS_SCHED":
        init("mccl")
        return
    ranks = Ranks.of()
    ranks.join("mccl")
    assert ranks.size == count
    results, path = [], output / f"{ranks.rank}.safetensors"
    for shared in (False, True):
        rig = Rig(Regression(), ranks, name, shared=shared)
        told = outcomes(rig, ranks, range(2))
        if shared:
            half = ranks.gathered(rig.state.collected())[0]  # what the first one writes
            write_tensors(path, half)
            values = [parameter.asnumpy() for parameter in rig.parameters]
            rig = Rig(Regression(), ranks, name, shared=True)
            rig.state.read(path)
            for parameter, value in zip(rig.parameters, values, strict=True):
                parameter.set_data(Tensor(value))
        told += outcomes(rig, ranks, range(2, 4))
        state = ranks.gathered(rig.state.collected())[0]
        values = {str(place): parameter.asnumpy() for place, parameter in enumerate(rig.parameters)}
        kept = sum(parameter.size for parameter in rig.state.own.values())
        results.append({"told": told, "state": bits(state), "values": bits(values), "kept": kept})
    (output / f"{ranks.rank}.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main()
