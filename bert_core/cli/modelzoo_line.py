"""A step's line as the MindSpore ModelZoo's scripts print it, for people who search logs for it."""

from __future__ import annotations

import math

from bert_core.types import StepRecord


def modelzoo_line(record: StepRecord) -> str:
    """`epoch: 0, current epoch percent: 0.250, step: 1, outputs are (loss, whether it overflowed, loss scale)`.

    The form is that of the log in the ModelZoo's README; the epoch is counted from 0, and a whole one is 1.000 of the
    one that it ends.
    """
    share, epoch = math.modf(record.epoch)
    if share == 0:
        share, epoch = 1.0, epoch - 1
    outputs = (
        f"Tensor(shape=[1], dtype=Float32, [ {record.loss:.7e}]), "
        f"Tensor(shape=[], dtype=Bool, {record.skipped}), "
        f"Tensor(shape=[], dtype=Float32, {record.loss_scale:g})"
    )
    return f"epoch: {epoch:.1f}, current epoch percent: {share:.3f}, step: {record.step}, outputs are ({outputs})"
