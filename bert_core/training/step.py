"""One update as a compiled graph: forward, backward, clip, update."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Parameter, ParameterTuple, Tensor, nn, ops

from bert_core.interrupt import ctrl_c_later

from .network import Objective


class Update(nn.Cell):  # type: ignore[misc]
    """Clip gradients by their global norm and let the optimizer use them."""

    def __init__(self, optimizer: Any, clip_norm: float) -> None:
        super().__init__()
        self.optimizer = optimizer
        self.clip_norm = clip_norm
        self.total = ops.AddN()
        self.half_square = ops.L2Loss()  # a fourth of the time of a sum of squares
        self.scale = ops.Mul()
        self.each = ops.HyperMap()  # a loop compiles to calls within calls, too deep for 200 parameters

    def construct(self, gradients: Any, rate: Any, number: Any) -> Any:
        """The global norm before clipping.

        Args:
            gradients: One for each parameter.
            rate: () float32.
            number: () float32, the number of the update, from 1.
        """
        norm = ops.sqrt(2.0 * self.total(self.each(self.half_square, gradients)))
        if self.clip_norm > 0:
            factor = ops.minimum(self.clip_norm / (norm + 1e-6), 1.0)
            gradients = self.each(ops.partial(self.scale, factor), gradients)
        return ops.depend(norm, self.optimizer(gradients, rate, number))


class WholeStep(nn.Cell):  # type: ignore[misc]
    """An update from one batch, in one graph."""

    def __init__(self, objective: Objective, parameters: Sequence[Parameter], update: Update) -> None:
        super().__init__()
        self.parameters = ParameterTuple(parameters)
        self.gradient = ops.value_and_grad(objective, None, weights=self.parameters)
        self.update = update

    def construct(self, rate: Any, number: Any, *batch: Any) -> Any:
        """Loss and gradient norm."""
        loss, gradients = self.gradient(*batch)
        return loss, self.update(gradients, rate, number)


class PartialStep(nn.Cell):  # type: ignore[misc]
    """The gradients of a micro-batch, added to those before."""

    def __init__(self, objective: Objective, parameters: Sequence[Parameter], sums: Sequence[Parameter]) -> None:
        super().__init__()
        self.parameters = ParameterTuple(parameters)
        self.sums = ParameterTuple(sums)
        self.gradient = ops.value_and_grad(objective, None, weights=self.parameters)
        self.add = ops.AssignAdd()
        self.each = ops.HyperMap()

    def construct(self, *batch: Any) -> Any:
        """The loss's share of this micro-batch."""
        loss, gradients = self.gradient(*batch)
        return ops.depend(loss, self.each(self.add, self.sums, gradients))


class FinalStep(nn.Cell):  # type: ignore[misc]
    """An update from the gradients that were added up; sets them to zero."""

    def __init__(self, sums: Sequence[Parameter], update: Update) -> None:
        super().__init__()
        self.sums = ParameterTuple(sums)
        self.update = update
        self.copy = ops.Mul()
        self.zeros = ops.ZerosLike()
        self.assign = ops.Assign()
        self.each = ops.HyperMap()

    def construct(self, rate: Any, number: Any) -> Any:
        """The gradient norm."""
        gradients = self.each(ops.partial(self.copy, ms.Tensor(1.0, ms.float32)), self.sums)
        norm = self.update(gradients, rate, number)
        return ops.depend(norm, self.each(self.assign, self.sums, self.each(self.zeros, gradients)))


class Stepper:
    """Makes updates, from one batch or from several micro-batches.

    Args:
        objective: The loss to lower.
        parameters: What is updated.
        optimizer: The optimizer cell.
        clip_norm: Longest gradient; 0 does not clip.
        accumulate: Micro-batches in an update.
    """

    def __init__(
        self,
        objective: Objective,
        parameters: Sequence[Parameter],
        optimizer: Any,
        *,
        clip_norm: float,
        accumulate: int,
    ) -> None:
        objective.set_train()
        update = Update(optimizer, clip_norm)
        self._whole = WholeStep(objective, parameters, update) if accumulate == 1 else None
        if accumulate > 1:
            sums = [Parameter(ops.zeros_like(p), name=f"gradient_sum.{p.name}") for p in parameters]
            self._part = PartialStep(objective, parameters, sums)
            self._final = FinalStep(sums, update)
        self._described = False

    def __call__(self, batches: Sequence[Sequence[Any]], *, rate: float, number: int) -> tuple[float, float]:
        """Make one update.

        Args:
            batches: For each micro-batch the arguments of `Objective`, as tensors.
            rate: The learning rate.
            number: The number of the update, from 1.

        Returns:
            The loss and the global norm of the gradients before clipping.
        """
        self._describe(batches[0])
        with ctrl_c_later():
            return self._update(batches, rate, number)

    def _update(self, batches: Sequence[Sequence[Any]], rate: float, number: int) -> tuple[float, float]:
        hyper = (_scalar(rate), _scalar(number))
        if self._whole is not None:
            loss, norm = self._whole(*hyper, *batches[0])
            return float(loss.asnumpy()), float(norm.asnumpy())
        losses = [float(self._part(*batch).asnumpy()) for batch in batches]
        return sum(losses), float(self._final(*hyper).asnumpy())

    def _describe(self, batch: Sequence[Any]) -> None:
        """Tell the compiler, once, that every length may differ from batch to batch."""
        if self._described:
            return
        self._described = True
        if self._whole is not None:
            self._whole.set_inputs(_scalar(0), _scalar(0), *open_shapes(batch))
        else:
            self._part.set_inputs(*open_shapes(batch))


def open_shapes(batch: Sequence[Any]) -> list[Any]:
    """Placeholders with the same ranks and types, and no fixed sizes but that of the totals."""
    fixed, *others = batch
    return [fixed, *(Tensor(shape=[None] * item.ndim, dtype=item.dtype) for item in others)]


def _scalar(value: float) -> Any:
    return Tensor(np.array(value, np.float32), ms.float32)
