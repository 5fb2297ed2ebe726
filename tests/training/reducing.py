"""One of several processes that train together: `python reducing.py OUTPUT COUNT REDUCE`, in MindSpore's cluster.

Makes three updates of four micro-batches, with a loss scale, of which the second overflows in one process alone, and
writes losses, norms, what was applied and the parameters.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Parameter, ParameterTuple, Tensor, nn, ops
from mindspore.communication import get_rank, init

from bert_core.training.step import Stepper


class Regression(nn.Cell):
    """The squared error of a linear map, over the rows of all processes and micro-batches."""

    def __init__(self) -> None:
        super().__init__()
        random = np.random.default_rng(0)
        self.weight = Parameter(Tensor(random.normal(size=(5, 3)).astype(np.float32)), name="weight")
        self.bias = Parameter(Tensor(np.zeros(3, np.float32)), name="bias")

    def construct(self, totals, x, y):
        difference = ops.matmul(x, self.weight) + self.bias - y
        return (difference * difference).sum() / totals[0]


class Descent(nn.Cell):
    """Plain gradient descent."""

    def __init__(self, parameters) -> None:
        super().__init__()
        self.parameters = ParameterTuple(parameters)
        self.each = ops.HyperMap()
        self.scale = ops.Mul()
        self.subtract = ops.AssignSub()

    def construct(self, gradients, rate, number):
        return self.each(self.subtract, self.parameters, self.each(ops.partial(self.scale, rate), gradients))


def rows(step):
    random = np.random.default_rng(step)
    x, y = random.normal(size=(24, 5)).astype(np.float32), random.normal(size=(24, 3)).astype(np.float32)
    if step == 1:
        x[-1] = 1e30  # a row of the last process
    return x, y


def main() -> None:
    output, count, reduce = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    ms.set_device("CPU")
    ms.set_context(mode=ms.GRAPH_MODE)
    if count > 1:
        init("mccl")
        if os.environ["MS_ROLE"] == "MS_SCHED":
            return
    rank = get_rank() if count > 1 else 0
    objective = Regression()
    parameters = [objective.weight, objective.bias]
    stepper = Stepper(
        objective,
        parameters,
        Descent(parameters),
        clip_norm=1.0,
        accumulate=4,
        scaled=True,
        processes=count,
        reduce=reduce,
    )
    outcomes = []
    for step in range(3):
        x, y = (np.array_split(array, count)[rank] for array in rows(step))
        parts = zip(np.array_split(x, 4), np.array_split(y, 4), strict=True)
        totals = Tensor(np.array([24 * 3], np.float32))
        outcome = stepper([[totals, Tensor(a), Tensor(b)] for a, b in parts], rate=0.5, number=step + 1, scale=1024.0)
        outcomes.append([outcome.loss, outcome.norm, outcome.applied])
    values = [parameter.asnumpy().tolist() for parameter in parameters]
    (output / f"{rank}.json").write_text(json.dumps({"outcomes": outcomes, "values": values}))


if __name__ == "__main__":
    main()
