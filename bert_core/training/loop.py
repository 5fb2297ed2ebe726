"""The loop: a generator that makes one update at a time and says what it did."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from mindspore import Tensor
from numpy.typing import NDArray

from bert_core.interrupt import ctrl_c_later
from bert_core.protocols import Schedule, Task
from bert_core.text.batches import EpochOrder, cut, pad
from bert_core.types import Noise, StepRecord, Window

from .leaving import Leaving
from .noise import dropout_factors
from .not_finite import NotFiniteError
from .progress import Progress
from .ranks import Ranks
from .step import Outcome, Stepper


@dataclass(frozen=True, kw_only=True)
class Course:
    """What a run's updates are made of.

    Args:
        windows: The training data.
        order: Which windows each update sees.
        total_steps: How many updates the run makes.
        learning_rate: The highest.
        schedule: Its factor at each update.
        accumulate: Micro-batches in an update.
        noises: The network's places of dropout.
        pad_id: The padding piece.
        seed: Of dropout.
        overflows: How many steps in a row may overflow before the run ends.
        ranks: The processes that share each batch.
    """

    windows: Sequence[Window]
    order: EpochOrder
    total_steps: int
    learning_rate: float
    schedule: Schedule
    accumulate: int
    noises: Sequence[Noise]
    pad_id: int
    seed: int
    overflows: int = 1
    ranks: Ranks = field(default_factory=Ranks)


def train_steps(
    stepper: Stepper, task: Task, course: Course, progress: Progress, leaving: Leaving | None = None
) -> Iterator[StepRecord]:
    """Make the steps that are left, one for each item asked for, and note each in `progress`.

    A step whose gradients overflow changes nothing but the loss scale; the schedule and the optimizer do not count it.

    Args:
        stepper: Makes an update.
        task: What is learnt.
        course: What the updates are made of.
        progress: How far the run is.
        leaving: Where the processes agree at each step whether to go on.

    Raises:
        NumericsError: The loss or the gradients are not finite, and there is no loss scale, or it fell too often.
        RankLostError: Another process did not answer.
    """
    with ThreadPoolExecutor(max_workers=1) as ahead:  # the next batch is made while this one is learnt from
        with ctrl_c_later():  # nor does the thread that starts here ever hear it
            coming = ahead.submit(_arrays, task, course, progress.step)
        for step in range(progress.step, course.total_steps):
            began = time.perf_counter()
            batches, tokens = coming.result()
            if step + 1 < course.total_steps:
                coming = ahead.submit(_arrays, task, course, step + 1)
            scale = progress.scale.value if progress.scale else 1.0
            rate = course.learning_rate * course.schedule(progress.updates)
            tensors = [[Tensor.from_numpy(array) for array in batch] for batch in batches]
            number = progress.carried + progress.updates + 1
            told = leaving.told() if leaving else ()
            with course.ranks.answered():
                outcome = stepper(tensors, rate=rate, number=number, scale=scale, told=told)
            if leaving:
                leaving.heard(outcome.told)
            record = StepRecord(
                step=step + 1,
                epoch=(step + 1) / len(course.order),
                loss=outcome.loss,
                learning_rate=rate,
                grad_norm=outcome.norm,
                tokens=tokens,
                seconds=time.perf_counter() - began,
                skipped=not outcome.applied,
                loss_scale=scale,
            )
            _note(progress, record, outcome, stepper, course)
            yield record


def _note(progress: Progress, record: StepRecord, outcome: Outcome, stepper: Stepper, course: Course) -> None:
    """Count a step.

    Raises:
        NumericsError: Nothing can be learnt from it.
    """
    progress.step = record.step
    scale = progress.scale
    if record.skipped and scale is not None:
        scale.overflowed()
        if scale.overflows < course.overflows:
            return
    elif math.isfinite(record.loss) and math.isfinite(record.grad_norm):
        progress.updates += 1
        if scale is not None:
            scale.passed()
        return
    rows = course.order.at(record.step - 1)
    windows = cut(course.windows, rows, seed=course.seed, epoch=(record.step - 1) // len(course.order))
    in_a_row = scale.overflows if record.skipped and scale is not None else 0
    norms = dict(zip(stepper.names, outcome.norms.tolist(), strict=True))
    raise NotFiniteError(record, norms, examples=[window.example for window in windows], in_a_row=in_a_row)


def _arrays(task: Task, course: Course, step: int) -> tuple[list[list[NDArray[Any]]], int]:
    """The arguments of each micro-batch, every one with the totals of the whole update; and the pieces in all.

    A process gets its rows of each micro-batch, padded as all of them are. One for which there are none gets the first
    row with infinite totals: its loss and gradients are zero then, and it takes part in what all must do together.
    """
    rows = course.order.at(step)
    parts = [part for part in np.array_split(rows, course.accumulate) if len(part)]
    epoch = step // len(course.order)
    windows = [cut(course.windows, part, seed=course.seed, epoch=epoch) for part in parts]
    padded = [pad(some, task.features, pad_id=course.pad_id) for some in windows]
    totals = sum(task.loss_terms(batch) for batch in padded)
    tokens = sum(int(batch["attention_mask"].sum()) for batch in padded)
    batches = []
    for part, batch in enumerate(padded):
        size, length = batch["input_ids"].shape
        own = course.ranks.share(range(size))
        shown = slice(own.start, own.stop) if own else slice(1)
        factors = dropout_factors(
            course.noises, rows=own or range(1), length=length, seed=course.seed, step=step, part=part
        )
        divisor = np.asarray(totals) if own else np.full_like(totals, np.inf)
        batches.append([divisor, *(values[shown] for values in batch.values()), *factors])
    return batches, tokens
