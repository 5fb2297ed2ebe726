"""A task on a bench: a tiny network of it, with data, that contracts look at from all sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bert_core.abilities import DigestingTask
from bert_core.manager import PluginManager
from bert_core.options import resolve
from bert_core.types import Device, Reading, TaskSpec

from .tiny import TINY_MODEL, tokenizer

if TYPE_CHECKING:
    from mindspore import Parameter

INPUTS = ("input_ids", "token_type_ids", "attention_mask")
_SAMPLED = 12  # examples of a task's own sample
_RATE = 1e-2

Outputs = list[NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """What came of training on one batch.

    Args:
        losses: Of each update.
        norms: The length of each parameter's gradient at the first, by name.
    """

    losses: Sequence[float]
    norms: Mapping[str, float]


class TaskBench:
    """A task with a tiny BERT under it.

    Args:
        spec: The task.
        options: Its options.
        vocabulary: The tokenizer's.
        manager: The plugins.
        train: What it learns from; None takes some of the task's sample.
        evaluated: What it is scored on.
        seed: Of first values.
        state: What another one learnt, which this one then does not learn.

    Raises:
        AssertionError: The head or the loss takes a feature that the task does not have.
    """

    def __init__(
        self,
        spec: TaskSpec,
        options: Any,
        *,
        vocabulary: Path,
        manager: PluginManager,
        train: Path | None,
        evaluated: Path | None,
        seed: int = 1,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        from bert_core.assembly import ask_metrics, assemble
        from bert_core.recorded import Reader

        graph_mode()
        self.spec = spec
        self.seed = seed
        self.text = tokenizer(vocabulary)
        self.task = spec.build(options, state)
        missing = {*self.task.head_inputs, *self.task.loss_inputs} - set(self.task.features)
        assert not missing, f"{sorted(missing)} are inputs of the head or the loss and not among `features`"
        self._reader = Reader(text=self.text)
        self.trained = _some(self.read(train, "train"), train)
        if state is None:
            self.task.learn(self.trained)
        self.examples = _some(self.read(evaluated, "eval"), evaluated)
        self.metrics = ask_metrics(self.task, manager)
        model = manager.get("model", "bert")
        sizes = resolve({"model": model.options}, []).values["model"]
        sizes = type(sizes)(**{**vars(sizes), **TINY_MODEL})
        assembled = assemble(model, sizes, self.task, Device(), seed=seed, weights=None, strict=False)
        self.objective = assembled.objective
        self.parameters: Mapping[str, Parameter] = assembled.parameters
        self._described = False

    def read(self, source: Path | None, split: Any) -> Reading:
        """A file, or the task's sample."""
        return self._reader.data(self.task, self.spec.name, source, split)

    @cached_property
    def windows(self) -> Sequence[Any]:
        """Those of the examples that are scored."""
        return self.task.encode(self.examples, self.text)

    @cached_property
    def _cell(self) -> Any:
        from .cells import Examined

        digest = self.task.digest() if isinstance(self.task, DigestingTask) else None
        cell = Examined(self.objective, digest)
        cell.set_train(False)
        return cell

    def batch(self, windows: Sequence[Any], rows: Sequence[int], *, padding: int = 0) -> dict[str, NDArray[Any]]:
        """Windows as arrays, with more padding than they need."""
        from bert_core.text.batches import cut, pad

        batch = pad(cut(windows, np.asarray(rows), seed=0, epoch=0), self.task.features, pad_id=self.text.pad_id)
        fills: dict[str, float] = {"input_ids": self.text.pad_id, "token_type_ids": 0, "attention_mask": 0}
        fills |= {name: feature.padding for name, feature in self.task.features.items() if feature.ragged}
        return {
            name: np.pad(values, _after(values, padding), constant_values=fills[name]) if name in fills else values
            for name, values in batch.items()
        }

    def run(self, batch: Mapping[str, NDArray[Any]], totals: NDArray[Any]) -> tuple[NDArray[Any], float]:
        """The outputs of a batch, and its loss over totals."""
        from mindspore import Tensor

        from bert_core.training.step import open_shapes

        arrays = [totals, *(batch[name] for name in (*INPUTS, *self.task.features))]
        tensors = [Tensor.from_numpy(np.ascontiguousarray(array)) for array in arrays]
        if not self._described:
            self._cell.set_inputs(*open_shapes(tensors))
            self._described = True
        outputs, loss = self._cell(*tensors)
        return outputs.asnumpy(), loss.asnumpy()

    def outputs(self, windows: Sequence[Any], batches: Sequence[Sequence[int]], *, padding: int = 0) -> Outputs:
        """The outputs of each window, computed in batches of these rows."""
        found: list[Any] = [None] * len(windows)
        for rows in batches:
            batch = self.batch(windows, rows, padding=padding)
            made, _ = self.run(batch, self.task.loss_terms(batch))
            for row, values in zip(rows, made, strict=True):
                found[row] = values
        return found

    def predictions(self, examples: Sequence[Any], windows: Sequence[Any], outputs: Outputs) -> Sequence[Any]:
        """What the task makes of outputs."""
        own = {name: value.asnumpy() for name, value in self.parameters.items() if not name.startswith("bert.")}
        return self.task.predict(examples, windows, outputs, own)

    def scores(self, examples: Sequence[Any], predictions: Sequence[Any]) -> dict[str, float]:
        """Those of every metric that the task asks for."""
        from bert_core.training.evaluation import score

        return score(self.task, self.metrics, examples, predictions)

    def learn(self, steps: int) -> Learnt:
        """Train on the first batch of what it learns from."""
        from mindspore import Tensor

        from bert_core.training.step import Stepper

        from .cells import SignDescent

        windows = self.task.encode(self.trained, self.text)
        batch = self.batch(windows, range(min(8, len(windows))))
        arrays = [self.task.loss_terms(batch), *(batch[name] for name in (*INPUTS, *self.task.features))]
        tensors = [Tensor.from_numpy(array) for array in arrays]
        parameters = list(self.parameters.values())
        names = {id(parameter): name for name, parameter in self.parameters.items()}  # cells have changed their own
        for parameter in parameters:
            parameter.name = names[id(parameter)]
        stepper = Stepper(self.objective, parameters, SignDescent(parameters), clip_norm=0, accumulate=1)
        rates = [_RATE * (1 - step / steps) for step in range(steps)]
        outcomes = [stepper([tensors], rate=rate, number=step + 1) for step, rate in enumerate(rates)]
        self.objective.set_train(False)
        norms = dict(zip(stepper.names, outcomes[0].norms.tolist(), strict=True))
        return Learnt(losses=[outcome.loss for outcome in outcomes], norms=norms)


def graph_mode() -> None:
    """Set MindSpore up as runs have it: whole graphs, on the processor."""
    import os

    os.environ.setdefault("GLOG_v", "3")
    import mindspore as ms

    if ms.get_context("device_target") != "CPU":  # to say so again after a first graph is an error (MindSpore 2.10)
        ms.set_device("CPU")
    ms.set_context(mode=ms.GRAPH_MODE)


def _some(reading: Reading, source: Path | None) -> Sequence[Any]:
    return reading.examples if source is not None else reading.examples[:_SAMPLED]


def _after(values: NDArray[Any], padding: int) -> list[tuple[int, int]]:
    return [(0, padding if axis == 1 else 0) for axis in range(values.ndim)]
