"""The cost of the CRF's loss and gradients by length: `python benchmarks/crf_speed.py`. One compile serves all."""

from __future__ import annotations

import statistics
import time
from typing import Any

import mindspore as ms
import numpy as np
from bertrun_ner.crf import LinearChainCrf
from mindspore import ParameterTuple, Tensor, nn, ops

BATCH = 32


class Gradients(nn.Cell):
    """The mean loss, and its gradients of the emissions and the transitions."""

    def __init__(self, crf: LinearChainCrf) -> None:
        super().__init__()
        self.crf = crf
        self.gradient = ms.value_and_grad(self.mean, 0, ParameterTuple(crf.trainable_params()))

    def mean(self, emissions: Any, tags: Any, mask: Any) -> Any:
        return ops.reduce_mean(self.crf(emissions, tags, mask))

    def construct(self, emissions: Any, tags: Any, mask: Any) -> Any:
        return self.gradient(emissions, tags, mask)


def batch(length: int, labels: int, generator: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    lengths = generator.integers(1, length + 1, BATCH)
    lengths[0] = length
    emissions = generator.normal(size=(BATCH, length, labels)).astype(np.float32)
    tags = generator.integers(0, labels, (BATCH, length)).astype(np.int32)
    return Tensor(emissions), Tensor(tags), Tensor((np.arange(length) < lengths[:, None]).astype(np.int32))


def main() -> None:
    ms.set_context(mode=ms.GRAPH_MODE)
    generator = np.random.default_rng(0)
    for labels in (9, 41):
        cell = Gradients(LinearChainCrf(labels))
        shapes = ([None, None, labels], ms.float32), ([None, None], ms.int32), ([None, None], ms.int32)
        cell.set_inputs(*(Tensor(shape=shape, dtype=dtype) for shape, dtype in shapes))
        began = time.perf_counter()
        cell(*batch(64, labels, generator))[0].asnumpy()
        print(f"{labels} labels: compiled, first step done in {time.perf_counter() - began:.1f} s")
        for length in (128, 256, 512):
            inputs, seconds = batch(length, labels, generator), []
            for _ in range(25):
                began = time.perf_counter()
                cell(*inputs)[0].asnumpy()
                seconds.append(time.perf_counter() - began)
            print(
                f"  length {length}: median {1e3 * statistics.median(seconds):.0f} ms, least {1e3 * min(seconds):.0f}"
            )


if __name__ == "__main__":
    main()
