"""The loop: a generator that makes one update at a time and says what it did."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from mindspore import Tensor
from numpy.typing import NDArray

from bert_core.errors import NumericsError
from bert_core.interrupt import ctrl_c_later
from bert_core.protocols import Schedule, Task
from bert_core.text.batches import EpochOrder, cut, pad
from bert_core.types import Noise, StepRecord, Window

from .noise import dropout_factors
from .step import Stepper


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


def train_steps(stepper: Stepper, task: Task, course: Course, *, done: int = 0) -> Iterator[StepRecord]:
    """Make the updates after the first `done`, one for each item asked for.

    Raises:
        NumericsError: The loss is not finite.
    """
    with ThreadPoolExecutor(max_workers=1) as ahead:  # the next batch is made while this one is learnt from
        with ctrl_c_later():  # nor does the thread that starts here ever hear it
            coming = ahead.submit(_arrays, task, course, done)
        for step in range(done, course.total_steps):
            began = time.perf_counter()
            batches, tokens = coming.result()
            if step + 1 < course.total_steps:
                coming = ahead.submit(_arrays, task, course, step + 1)
            rate = course.learning_rate * course.schedule(step)
            tensors = [[Tensor.from_numpy(array) for array in batch] for batch in batches]
            loss, norm = stepper(tensors, rate=rate, number=step + 1)
            record = StepRecord(
                step=step + 1,
                epoch=(step + 1) / len(course.order),
                loss=loss,
                learning_rate=rate,
                grad_norm=norm,
                tokens=tokens,
                seconds=time.perf_counter() - began,
            )
            _check_finite(record)
            yield record


def _arrays(task: Task, course: Course, step: int) -> tuple[list[list[NDArray[Any]]], int]:
    """The arguments of each micro-batch, every one with the totals of the whole update; and the pieces in all."""
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
        factors = dropout_factors(course.noises, batch=size, length=length, seed=course.seed, step=step, part=part)
        batches.append([np.asarray(totals), *batch.values(), *factors])
    return batches, tokens


def _check_finite(record: StepRecord) -> None:
    if not math.isfinite(record.loss) or not math.isfinite(record.grad_norm):
        raise NumericsError(
            f"step {record.step}: the loss is {record.loss} and the gradient's norm {record.grad_norm} "
            f"at learning rate {record.learning_rate:.2e}",
            hint="Lower --learning-rate, or look for broken examples with --max-steps and --no-shuffle",
        )
