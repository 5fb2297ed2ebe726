"""What makes a run's updates, built from its plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from mindspore import Parameter

from .abilities import NotingTask, WideTask
from .counted import counted
from .errors import DataError
from .protocols import NotingOptimizer, Optimizer
from .text.batches import EpochOrder, cut, lengths_of
from .training.carried import carry
from .training.groups import parameter_groups
from .training.guards import rate_beyond
from .training.layers import ByLayer, levels
from .training.loop import Course
from .training.loss_scale import LossScale
from .training.memory import activation_bytes, parameter_bytes
from .training.optimizer_state import OptimizerState
from .training.progress import Progress
from .training.shares import Shares
from .training.step import Stepper
from .types import ParameterGroup, Reading, Window

if TYPE_CHECKING:
    from .runner import Run


class Trainer:
    """Batches, steps, and the state that both leave behind.

    Args:
        run: Everything else that is built.
        train: The training data.

    Raises:
        DataError: There is no text in it.
        CheckpointError: The optimizer's state that it should begin with is not there.
    """

    def __init__(self, run: Run, train: Reading) -> None:
        self._run = run
        self._plan = run.plan
        self._options = run.plan.run
        self.progress = Progress(scale=self._loss_scale())
        windows, order = self._batches(train)
        total = self._options.max_steps or self._options.epochs * len(order)
        self.course = self._course(windows, order, total)
        groups = self._groups()
        shares = self._shares(groups)
        optimizer = self._optimizer(shares.groups(groups) if shares else groups)
        kept = {
            parameter.name: parameter
            for parameter in optimizer.get_parameters()  # type: ignore[attr-defined]
            if parameter.name not in run.assembled.parameters
        }
        self.optimizer_state = OptimizerState(kept, run.ranks, shared=shares is not None)
        self._carry()
        self.stepper = self._stepper(groups, optimizer, shares)
        sizes = f"{counted(total, 'step')} of {counted(self._options.batch_size, 'window')}"
        together = "" if run.ranks.alone else f", which {run.ranks.size} processes share"
        run.say(f"plan: {sizes}{together}, {len(order)} in an epoch")
        chosen = self._plan.choices["optimizer"]
        if doubt := rate_beyond(chosen.name, chosen.spec.rates, self._options.learning_rate):
            run.say(f"warning: {doubt}")

    def needs(self) -> Iterator[str]:
        """What training would need, a line each."""
        course, options = self.course, self._options
        split = options.accumulate > 1 or self.progress.scale is not None or not self._run.ranks.alone
        fixed = parameter_bytes(
            self._run.assembled.parameters, self.optimizer_state.own, self.stepper.names, split=split
        )
        yield f"memory: {fixed / 2**20:.0f} MiB of parameters, gradients and the optimizer's state"
        size = -(-options.batch_size // options.accumulate)
        lengths, task, model = lengths_of(course.windows), self._run.task, self._plan.options("model")
        length, longest = int(lengths.max()), course.windows[int(lengths.argmax())]
        head = task.head_numbers(longest, model) if isinstance(task, WideTask) else 0
        kept = activation_bytes(model, windows=size, length=length, recompute=options.recompute, head=head)
        if kept is not None:
            what = f"{size} windows of {length} pieces, the longest there are"
            yield f"memory: about {kept / 2**20:.0f} MiB more on the way back, for {what}"
        total, tokens = course.total_steps, int(lengths.sum())
        yield f"steps: {total}, an epoch is {len(course.order)} with {tokens} pieces"
        shown = sorted({0, total // 10, total // 4, total // 2, 3 * total // 4, total - 1})
        rates = ", ".join(f"{course.learning_rate * course.schedule(step):.2e} at step {step + 1}" for step in shown)
        yield f"schedule {self._plan.choices['schedule'].name}: {rates}"

    def _loss_scale(self) -> LossScale | None:
        options = self._options
        half = self._plan.compute_dtype == "float16"
        value = options.loss_scale or (self._plan.choices["device"].spec.loss_scale if half else None)
        if value is None or value == 1:
            return None
        return LossScale(value=value, factor=options.loss_scale_factor, window=options.loss_scale_window)

    def _batches(self, train: Reading) -> tuple[Sequence[Window], EpochOrder]:
        """The windows, and which of them each step sees."""
        run, options = self._run, self._options
        windows = run.task.encode(train.examples, run.text)
        if not windows:
            raise DataError("the training data has no text in it", where=options.train_data)
        for note in run.task.encoding_notes() if isinstance(run.task, NotingTask) else ():
            run.say(f"train: {note}")
        order = self._order(windows)
        if options.overfit_batches is not None:
            rows = np.concatenate([order.at(step) for step in range(min(options.overfit_batches, len(order)))])
            windows = cut(windows, np.sort(rows), seed=options.seed, epoch=0)
            order = self._order(windows)
        return windows, order

    def _order(self, windows: Sequence[Window]) -> EpochOrder:
        options = self._options
        return EpochOrder(lengths_of(windows), options.batch_size, options.seed, shuffle=options.shuffle)

    def _course(self, windows: Sequence[Window], order: EpochOrder, total: int) -> Course:
        options = self._options
        return Course(
            windows=windows,
            order=order,
            total_steps=total,
            learning_rate=options.learning_rate,
            schedule=self._plan.choices["schedule"].spec.build(self._plan.options("schedule"), total),
            accumulate=options.accumulate,
            noises=self._run.assembled.objective.network.noises,
            pad_id=self._run.text.pad_id,
            seed=options.seed,
            overflows=options.max_overflows,
            ranks=self._run.ranks,
        )

    def _groups(self) -> list[ParameterGroup]:
        """Parameters that are updated alike, without those that stay as they are."""
        by_layer = self._by_layer()
        parameters = self._run.assembled.parameters
        return parameter_groups(
            {name: parameter for name, parameter in parameters.items() if name not in by_layer.frozen},
            weight_decay=getattr(self._plan.options("optimizer"), "weight_decay", 0.0),
            rates=self._run.task.rates,
            undecayed=self._run.task.undecayed,
            factors=by_layer.factors,
        )

    def _by_layer(self) -> ByLayer:
        """What this run does by layer; says it."""
        plan, assembled = self._plan, self._run.assembled
        model, sizes = plan.choices["model"], {name: p.size for name, p in assembled.parameters.items()}
        beginnings = model.spec.layers(plan.options("model")) if plan.run.by_layer else ()
        by_layer = ByLayer(levels(model.spec.name, beginnings, sizes), plan.run)
        for note in by_layer.notes(sizes, [p.name for p in assembled.objective.network.head.get_parameters()]):
            self._run.say(note)
        return by_layer

    def _optimizer(self, groups: Sequence[ParameterGroup]) -> Optimizer:
        chosen = self._plan.choices["optimizer"]
        optimizer: Optimizer = chosen.spec.build(self._plan.options("optimizer"), groups, self._run.device.operators)
        for note in optimizer.notes if isinstance(optimizer, NotingOptimizer) else ():
            self._run.say(f"optimizer: {note}")
        return optimizer

    def _shares(self, groups: Sequence[ParameterGroup]) -> Shares | None:
        """Which process keeps which part of the optimizer's state; None where each keeps all of it."""
        ranks = self._run.ranks
        if ranks.alone or not self._options.shard_optimizer:
            return None
        return Shares.of(groups, rank=ranks.rank, size=ranks.size)

    def _carry(self) -> None:
        """Begin with the optimizer's state of another run, where that is wanted."""
        if not self._options.carry_moments or self._run.checkpoint is not None:
            return
        named = self._run.named_weights()
        assert named is not None
        self.progress.carried = carry(named, self.optimizer_state)
        self._run.say(f"optimizer: goes on from {self.progress.carried} updates of {self._options.weights}")

    def _stepper(self, groups: Sequence[ParameterGroup], optimizer: Optimizer, shares: Shares | None) -> Stepper:
        trained: list[Parameter] = [parameter for group in groups for parameter in group.parameters]
        return Stepper(
            self._run.assembled.objective,
            trained,
            optimizer,
            clip_norm=self._options.clip_norm,
            accumulate=self._options.accumulate,
            scaled=self.progress.scale is not None,
            processes=self._run.ranks.size,
            shares=shares,
            reduce=self._options.reduce,
        )
