"""One update as compiled graphs: forward, backward, clip, update."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import mindspore as ms
import numpy as np
from mindspore import Parameter, ParameterTuple, Tensor, nn, ops
from numpy.typing import NDArray

from bert_core.interrupt import ctrl_c_later
from bert_core.protocols import ClippingOptimizer

from .network import Objective
from .sent import Spread
from .shares import Shares
from .sums import Kept, Reduced, Total


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of an update.

    Args:
        loss: The mean loss of its batch.
        norm: The global norm of the gradients before clipping, infinite or NaN where a gradient is.
        norms: That of each parameter's gradient, those nearest to the loss first.
        applied: Whether parameters were changed; they are not where the norm is not finite and updates are split.
        told: What the processes told one another, added up.
    """

    loss: float
    norm: float
    norms: NDArray[np.float32]
    applied: bool
    told: tuple[float, ...] = ()


class Clipping(nn.Cell):  # type: ignore[misc]
    """Any optimizer as a `ClippingOptimizer`: gradients are measured and multiplied before it gets them."""

    def __init__(self, optimizer: Any) -> None:
        super().__init__()
        self.optimizer = optimizer
        self.total = ops.AddN()
        self.stack = ops.Stack()
        self.half_square = ops.L2Loss()  # a fourth of the time of a sum of squares
        self.scale = ops.Mul()
        self.each = ops.HyperMap()  # a loop compiles to calls within calls, too deep for 200 parameters

    def construct(self, gradients: Any, rate: Any, number: Any) -> Any:
        """What the optimizer does."""
        return self.optimizer(gradients, rate, number)

    def lengths(self, gradients: Any) -> Any:
        """Half the squared length of each gradient, and the global norm."""
        squares = self.each(self.half_square, gradients)
        return self.stack(squares), ops.sqrt(2.0 * self.total(squares))

    def clipped(self, gradients: Any, factor: Any, rate: Any, number: Any) -> Any:
        """What the optimizer does, by the gradients times the factor."""
        return self.optimizer(self.each(ops.partial(self.scale, factor), gradients), rate, number)


def clipping(optimizer: Any) -> Any:
    """The optimizer itself where it clips, else with what does it before."""
    return optimizer if isinstance(optimizer, ClippingOptimizer) else Clipping(optimizer)


class Update(nn.Cell):  # type: ignore[misc]
    """Clip gradients by their global norm and let the optimizer use them."""

    def __init__(self, optimizer: Any, clip_norm: float) -> None:
        super().__init__()
        self.optimizer = clipping(optimizer)
        self.clip_norm = clip_norm

    def construct(self, gradients: Any, rate: Any, number: Any) -> Any:
        """Global norm before clipping, and half squared lengths.

        Args:
            gradients: One for each parameter.
            rate: () float32.
            number: () float32, the number of the update, from 1.
        """
        squares, norm = self.optimizer.lengths(gradients)
        if self.clip_norm > 0:
            factor = ops.minimum(self.clip_norm / (norm + 1e-6), 1.0)
            done = self.optimizer.clipped(gradients, factor, rate, number)
        else:
            done = self.optimizer(gradients, rate, number)
        return ops.depend(norm, done), squares


class WholeStep(nn.Cell):  # type: ignore[misc]
    """An update from one batch, in one graph."""

    def __init__(self, objective: Objective, parameters: Sequence[Parameter], update: Update) -> None:
        super().__init__()
        self.parameters = ParameterTuple(parameters)
        self.gradient = ops.value_and_grad(objective, None, weights=self.parameters)
        self.update = update

    def construct(self, rate: Any, number: Any, *batch: Any) -> Any:
        """Loss, global norm, half squared lengths."""
        loss, gradients = self.gradient(*batch)
        norm, squares = self.update(gradients, rate, number)
        return loss, norm, squares


class Scaled(nn.Cell):  # type: ignore[misc]
    """A loss times the loss scale, and the loss."""

    def __init__(self, objective: Objective) -> None:
        super().__init__()
        self.objective = objective

    def construct(self, scale: Any, *batch: Any) -> Any:
        """Both, () float32."""
        loss = self.objective(*batch)
        return loss * scale, loss


class PartialStep(nn.Cell):  # type: ignore[misc]
    """The gradients of a micro-batch's scaled loss, added to those before."""

    def __init__(
        self, objective: Objective, parameters: Sequence[Parameter], sums: Sequence[Parameter], reduced: nn.Cell
    ) -> None:
        super().__init__()
        self.parameters = ParameterTuple(parameters)
        self.sums = ParameterTuple(sums)
        self.gradient = ops.value_and_grad(Scaled(objective), None, weights=self.parameters, has_aux=True)
        self.reduced = reduced
        self.add = ops.AssignAdd()
        self.each = ops.HyperMap()

    def construct(self, scale: Any, *batch: Any) -> Any:
        """The loss's share of this micro-batch, without the scale."""
        (_, loss), gradients = self.gradient(scale, *batch)
        return ops.depend(loss, self.each(self.add, self.sums, self.reduced(gradients)))


class Unscaled(nn.Cell):  # type: ignore[misc]
    """Takes the loss scale out of the gradients that were added up, and measures them; adds up the loss too."""

    def __init__(self, sums: Sequence[Parameter], reduced: nn.Cell, reduced_loss: nn.Cell, optimizer: Any) -> None:
        super().__init__()
        self.sums = ParameterTuple(sums)
        self.reduced = reduced
        self.loss = reduced_loss
        self.optimizer = optimizer
        self.multiply = ops.Mul()
        self.assign = ops.Assign()
        self.each = ops.HyperMap()

    def construct(self, factor: Any, loss: Any) -> Any:
        """The loss of all processes and what they told, global norm, half squared lengths.

        Args:
            factor: One over the scale, () float32.
            loss: This process's share, and what it tells, (n,) float32.
        """
        gradients = self.each(ops.partial(self.multiply, factor), self.reduced(self.sums))
        squares, norm = self.optimizer.lengths(gradients)
        whole = self.loss(loss)
        return whole, ops.depend(norm, self.each(self.assign, self.sums, gradients)), squares


class FinalStep(nn.Cell):  # type: ignore[misc]
    """An update from the gradients that were added up; sets them to zero.

    Args:
        sums: All of them.
        own: Those that the optimizer gets.
        optimizer: The optimizer.
    """

    def __init__(self, sums: Sequence[Parameter], own: Sequence[Parameter], optimizer: Any) -> None:
        super().__init__()
        self.sums = ParameterTuple(sums)
        self.own = ParameterTuple(own)
        self.optimizer = optimizer
        self.zeros = ops.ZerosLike()
        self.assign = ops.Assign()
        self.each = ops.HyperMap()

    def construct(self, rate: Any, number: Any, factor: Any) -> Any:
        """The factor of clipping, which it is given, () float32."""
        done = self.optimizer.clipped(self.own, factor, rate, number)
        return ops.depend(factor, (done, self.each(self.assign, self.sums, self.each(self.zeros, self.sums))))


class Forgotten(nn.Cell):  # type: ignore[misc]
    """Sets the gradients that were added up to zero."""

    def __init__(self, sums: Sequence[Parameter]) -> None:
        super().__init__()
        self.sums = ParameterTuple(sums)
        self.zeros = ops.ZerosLike()
        self.assign = ops.Assign()
        self.each = ops.HyperMap()

    def construct(self, value: Any) -> Any:
        """The value that it is given."""
        return ops.depend(value, self.each(self.assign, self.sums, self.each(self.zeros, self.sums)))


class Stepper:
    """Makes updates: of one batch in one graph, or split, of micro-batches or with a loss scale.

    Args:
        objective: The loss to lower.
        parameters: What is updated.
        optimizer: The optimizer cell.
        clip_norm: Longest gradient; 0 does not clip.
        accumulate: Micro-batches in an update.
        scaled: Whether there is a loss scale.
        processes: How many processes make each update together, each of its part of the batch; MindSpore's group of
            them is ready.
        shares: Which of them updates which parameter, where each updates a part; the optimizer is of this one's.
        reduce: Whether their gradients are added up once, after an accumulation, or in each of its micro-batches.

    Attributes:
        names: Of the parameters, those nearest to the loss first.
    """

    def __init__(
        self,
        objective: Objective,
        parameters: Sequence[Parameter],
        optimizer: Any,
        *,
        clip_norm: float,
        accumulate: int,
        scaled: bool = False,
        processes: int = 1,
        shares: Shares | None = None,
        reduce: Literal["after", "each"] = "after",
    ) -> None:
        objective.set_train()
        depth = {parameter.name: place for place, parameter in enumerate(objective.get_parameters())}
        self._back = sorted(range(len(parameters)), key=lambda place: -depth[parameters[place].name])
        self.names = [parameters[place].name for place in self._back]
        self._clip_norm = np.float32(clip_norm)
        self._alone = processes == 1
        self._whole = None
        if accumulate == 1 and not scaled and self._alone:
            self._whole = WholeStep(objective, parameters, Update(optimizer, clip_norm))
        else:
            sums = [Parameter(ops.zeros_like(p), name=f"gradient_sum.{p.name}") for p in parameters]
            together = Kept() if self._alone else Reduced([p.size for p in parameters])
            within, after = (together, Kept()) if reduce == "each" else (Kept(), together)
            clips = clipping(optimizer)
            self._part = PartialStep(objective, parameters, sums, within)
            self._unscaled = Unscaled(sums, after, Kept() if self._alone else Total(), clips)
            self._final = FinalStep(sums, shares.own(sums) if shares else sums, clips)
            self._spread = Spread(parameters, shares.owners) if shares else Kept()
            self._forgotten = Forgotten(sums)
        self._described = False

    def __call__(
        self,
        batches: Sequence[Sequence[Any]],
        *,
        rate: float,
        number: int,
        scale: float = 1.0,
        told: Sequence[float] = (),
    ) -> Outcome:
        """Make one update.

        Args:
            batches: For each micro-batch the arguments of `Objective`, as tensors.
            rate: The learning rate.
            number: The number of the update, from 1.
            scale: The loss scale.
            told: What this process tells the others: as many numbers as they tell.
        """
        self._describe(batches[0])
        with ctrl_c_later():
            if self._whole is not None:
                loss, norm, squares = self._whole(_scalar(rate), _scalar(number), *batches[0])
                return self._outcome(float(loss.asnumpy()), norm, squares, applied=True, told=told)
            losses = [float(self._part(_scalar(scale), *batch).asnumpy()) for batch in batches]
            return self._applied([sum(losses), *told], rate=rate, number=number, scale=scale)

    def _applied(self, sums: Sequence[float], *, rate: float, number: int, scale: float) -> Outcome:
        """Update from what was added up, where it is finite."""
        whole, norm, squares = self._unscaled(_scalar(1.0 / scale), Tensor(np.array(sums, np.float32)))
        loss, *told = sums if self._alone else whole.asnumpy().tolist()
        outcome = self._outcome(loss, norm, squares, applied=bool(np.isfinite(norm.asnumpy())), told=told)
        if outcome.applied:
            longest = self._clip_norm / (np.float32(outcome.norm) + np.float32(1e-6))
            factor = min(float(longest), 1.0) if self._clip_norm > 0 else 1.0
            self._spread(self._final(_scalar(rate), _scalar(number), _scalar(factor)))
        else:
            self._forgotten(_scalar(0))
        return outcome

    def _outcome(self, loss: float, norm: Any, squares: Any, *, applied: bool, told: Sequence[float]) -> Outcome:
        norms = np.sqrt(2 * squares.asnumpy()[self._back])
        return Outcome(loss=loss, norm=float(norm.asnumpy()), norms=norms, applied=applied, told=tuple(told))

    def _describe(self, batch: Sequence[Any]) -> None:
        """Tell the compiler, once, that every length may differ from batch to batch."""
        if self._described:
            return
        self._described = True
        if self._whole is not None:
            self._whole.set_inputs(_scalar(0), _scalar(0), *open_shapes(batch))
        else:
            self._part.set_inputs(_scalar(0), *open_shapes(batch))


def open_shapes(batch: Sequence[Any]) -> list[Any]:
    """Placeholders with the same ranks and types, and no fixed sizes but that of the totals."""
    fixed, *others = batch
    return [fixed, *(Tensor(shape=[None] * item.ndim, dtype=item.dtype) for item in others)]


def _scalar(value: float) -> Any:
    return Tensor(np.array(value, np.float32), ms.float32)
