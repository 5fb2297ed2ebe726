"""Where the time of a training step goes: `python benchmarks/step_parts.py`, on random pieces.

Each part is taken out in turn through the seam for a device's own operators (or, for dropout, clipping and the
optimizer, left out), and the step is timed against the whole one, in turn, with the median of the rounds.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import mindspore as ms
import numpy as np
from bertrun_ner.options import NerOptions
from bertrun_ner.task import NerTask
from bertrun_optimizers.fused import adamw
from bertrun_optimizers.options import AdamWOptions
from mindspore import Tensor, nn

from bert_core.bert.config import BertOptions
from bert_core.bert.encoder import BertModel
from bert_core.training.groups import parameter_groups
from bert_core.training.network import Network, Objective, parameters_of
from bert_core.training.noise import dropout_factors
from bert_core.training.step import Stepper
from bert_core.types import EncoderParts

MINILM = BertOptions(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)
ROWS, LENGTH, ROUNDS = 32, 32, 9


class NoGelu(nn.Cell):
    def construct(self, x: Any) -> Any:
        return x, x


class NoNorm(nn.Cell):
    def __init__(self, epsilon: float, width: int) -> None:
        super().__init__()

    def construct(self, x: Any, weight: Any, bias: Any) -> Any:
        return x, x, x, x


class NoAttention(nn.Cell):
    def __init__(self, heads: int, width: int) -> None:
        super().__init__()

    def construct(self, q: Any, k: Any, v: Any, bias: Any, factors: Any, batch: Any, length: Any) -> Any:
        return (q + k + v,)


class NoOptimizer(nn.Cell):
    def construct(self, gradients: Any, rate: Any, number: Any) -> Any:
        return gradients[0][0]


def stepper(operators: dict[str, Any], *, clip: float = 1.0, optimizer: bool = True) -> tuple[Stepper, Network]:
    task = NerTask(NerOptions(), {"labels": ["O", "B-X", "I-X"], "unit": "word"})
    network = Network(BertModel(MINILM, EncoderParts(operators=operators, pooler=False, seed=0)), task, 0)
    objective = Objective(network, task, 0)
    groups = parameter_groups(parameters_of(objective), weight_decay=0.01, rates={}, undecayed=())
    cell = adamw(AdamWOptions(), groups) if optimizer else NoOptimizer()
    parameters = [parameter for group in groups for parameter in group.parameters]
    return Stepper(objective, parameters, cell, clip_norm=clip, accumulate=1), network


def batch(network: Network, *, noise: bool) -> list[Any]:
    generator = np.random.default_rng(0)
    ids = generator.integers(1000, 30000, (ROWS, LENGTH)).astype(np.int32)
    places = np.tile(np.arange(LENGTH, dtype=np.int32), (ROWS, 1))
    ones, zeros = np.ones_like(ids), np.zeros_like(ids)
    arrays = [ids, zeros, ones, places, ones, generator.integers(0, 3, ids.shape).astype(np.int32)]
    if noise:
        arrays += dropout_factors(network.noises, rows=range(ROWS), length=LENGTH, seed=0, step=0, part=0)
    return [Tensor(np.array([ids.size], np.float32)), *map(Tensor.from_numpy, arrays)]


def main() -> None:
    ms.set_device("CPU")
    ms.set_context(mode=ms.GRAPH_MODE)
    variants: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
        "whole": ({}, {}, True),
        "GELU": ({"gelu": NoGelu}, {}, True),
        "layer norms": ({"layer_norm": NoNorm}, {}, True),
        "attention without its projections": ({"attention": NoAttention}, {}, True),
        "dropout (products)": ({}, {}, False),
        "clipping": ({}, {"clip": 0.0}, True),
        "clipping and AdamW": ({}, {"clip": 0.0, "optimizer": False}, True),
    }
    built = {}
    for name, (operators, options, noise) in variants.items():
        step, network = stepper(operators, **options)
        arguments = batch(network, noise=noise)
        step([arguments], rate=1e-9, number=1)
        built[name] = (step, arguments)
    seconds: dict[str, list[float]] = {name: [] for name in built}
    for number in range(ROUNDS):
        for name, (step, arguments) in built.items():
            began = time.perf_counter()
            step([arguments], rate=1e-9, number=number + 2)
            seconds[name].append(time.perf_counter() - began)
    whole = statistics.median(seconds["whole"])
    print(f"a step of {ROWS} x {LENGTH} pieces: {1e3 * whole:.0f} ms (least {1e3 * min(seconds['whole']):.0f})")
    for name, values in seconds.items():
        if name != "whole":
            part = whole - statistics.median(values)
            print(f"  {name}: {1e3 * part:.0f} ms, {100 * part / whole:.0f} %")
    network = stepper({})[1]
    began = time.perf_counter()
    dropout_factors(network.noises, rows=range(ROWS), length=LENGTH, seed=0, step=0, part=0)
    print(f"  before the step, drawing dropout's factors: {1e3 * (time.perf_counter() - began):.0f} ms")


if __name__ == "__main__":
    main()
