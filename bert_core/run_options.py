"""The options of every run, whoever its task is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .data.bad_records import BadRecords
from .errors import UsageError
from .options import option


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What is trained on, for how long, and where it is written."""

    train_data: Path | None = option(
        None,
        metavar="FILE",
        help="Data to train on, also a folder or a glob; where no data is named, the sample that the task carries.",
    )
    eval_data: Path | None = option(None, metavar="FILE", help="Data to score during training.")
    test_data: Path | None = option(
        None, metavar="FILE", help="Data to score at the end, with the checkpoint that did best on --eval-data."
    )
    schema: Path | None = option(
        None, metavar="FILE", help="Schema file of TFRecords: their columns, and how many rows count."
    )
    on_bad_record: str = option(
        "error",
        metavar="error|skip:N",
        help="What is done about records that cannot be read: stop, or leave out up to N.",
    )
    weights: str | None = option(
        None, metavar="DIR|NAME", help="Start from a folder in Hugging Face layout, or from a name of `weights list`."
    )
    vocab: Path | None = option(None, metavar="FILE", help="WordPiece vocabulary; by default that of the weights.")
    lowercase: bool | None = option(None, help="Lower-case the text; by default as the vocabulary was made.")
    output: Path | None = option(
        None, metavar="DIR", help="Folder of the run; by default runs/TASK, or the next free one: runs/TASK-2, ..."
    )
    overwrite: bool = option(False, help="Replace the run that the folder already holds.")
    epochs: int = option(3, minimum=1, help="Passes over the training data.")
    max_steps: int | None = option(None, minimum=1, metavar="STEPS", help="Updates in all; counts instead of --epochs.")
    batch_size: int = option(32, minimum=1, help="Windows in one update, over all its micro-batches.")
    learning_rate: float = option(5e-5, above=0, help="Highest learning rate of the schedule.")
    max_length: int = option(
        128, minimum=4, help="Pieces in one window, [CLS] and [SEP] counted; longer texts take several windows."
    )
    seed: int = option(0, minimum=0, help="Seed of new parameters, of the order of examples and of dropout.")
    shuffle: bool = option(True, help="Train in a new random order each epoch; without it, in the file's order.")
    accumulate: int = option(1, minimum=1, help="Micro-batches that an update is cut into, to need less memory.")
    recompute: bool = option(
        False,
        help="Compute each layer again on the way back: less memory, a third to a half more time, the same numbers.",
    )
    compute_dtype: Literal["float32", "float16", "bfloat16"] | None = option(
        None, help="Type in which matrix products are computed; by default the one that the device prefers."
    )
    dtype: Literal["float32"] = option(
        "float32",
        help="Type of parameters and of all else, always float32; --compute-dtype is that of matrix products.",
    )
    clip_norm: float = option(1.0, minimum=0, help="Longest gradient over all parameters; 0 does not clip.")
    train: bool = option(True, help="Train; without it, only score the weights.")
    eval: bool = option(True, help="Score during training and at its end.")
    eval_every: int | None = option(
        None, minimum=1, metavar="STEPS", help="Score every STEPS updates; by default after each epoch."
    )
    eval_batch_size: int = option(32, minimum=1, help="Windows at once while scoring.")
    save_every: int | None = option(
        None, minimum=1, metavar="STEPS", help="Save every STEPS updates; by default after each epoch."
    )
    keep: int = option(2, minimum=1, help="Checkpoints that are kept besides the best one.")
    log_every: int = option(10, minimum=1, metavar="STEPS", help="Write metrics every STEPS updates.")
    stop_after: int | None = option(
        None, minimum=1, metavar="STEPS", help="Save and leave after STEPS updates; `bertrun resume` goes on."
    )
    device_id: int = option(0, minimum=0, help="Which device, where the machine has several of one kind, from 0.")
    dry_run: bool = option(False, help="Check and build everything, then leave before the first step.")
    quiet: bool = option(False, help="Print nothing but errors and the final scores.")
    json: bool = option(False, help="Print the final scores as one JSON object.")

    def problems(self) -> Iterable[str]:
        """Values that contradict each other."""
        try:
            BadRecords.parse(self.on_bad_record)
        except UsageError as error:
            yield str(error)
        if self.batch_size % self.accumulate:
            yield (
                f"--batch-size {self.batch_size} cannot be cut into --accumulate {self.accumulate} equal micro-batches"
            )
        if not self.train and not self.eval:
            yield "--no-train and --no-eval together leave nothing to do"
        if not self.train and self.weights is None:
            yield "--no-train evaluates the weights that --weights names, and none are named"
        if self.vocab is None and self.weights is None:
            yield "no vocabulary: give --weights DIR|NAME (see `bertrun weights list`), or --vocab FILE to start anew"
