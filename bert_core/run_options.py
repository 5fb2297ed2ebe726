"""The options of every run, whoever its task is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .data.bad_records import BadRecords
from .errors import UsageError
from .options import option
from .pace import Pace


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
    patience: int | None = option(
        None,
        minimum=1,
        metavar="EVALUATIONS",
        help="Stop when so many evaluations in a row were not better than the best before them.",
    )
    accumulate: int = option(1, minimum=1, help="Micro-batches that an update is cut into, to need less memory.")
    reduce: Literal["after", "each"] = option(
        "after",
        help="Where several processes train: whether gradients are added up after --accumulate or in each part.",
    )
    shard_optimizer: bool = option(
        False,
        help="Where several processes train: each keeps the optimizer's state of a part of the parameters alone, "
        "which takes less memory and gives the same numbers.",
    )
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
    loss_scale: float | None = option(
        None,
        minimum=1,
        help="First loss scale, which falls where gradients overflow and grows again; 1 is none. By default the "
        "device's where products are computed in float16, else none.",
    )
    loss_scale_factor: float = option(2.0, above=1, help="What the loss scale is divided and multiplied by.")
    loss_scale_window: int = option(
        1000, minimum=1, metavar="STEPS", help="Steps without an overflow after which the loss scale grows."
    )
    max_overflows: int = option(
        40, minimum=1, metavar="STEPS", help="Overflows in a row after which the run stops with a report."
    )
    clip_norm: float = option(1.0, minimum=0, help="Longest gradient over all parameters; 0 does not clip.")
    layer_decay: float = option(
        1.0,
        above=0,
        maximum=1,
        metavar="FACTOR",
        help="Each layer learns at FACTOR times the rate of what is above it: the head at the full rate, the highest "
        "layer at FACTOR of it, the embeddings slowest. 1 is off.",
    )
    freeze_embeddings: bool = option(False, help="Leave the embeddings as they are.")
    freeze_layers: int = option(
        0, minimum=0, metavar="LAYERS", help="Leave so many of the lowest layers as they are; the embeddings are none."
    )
    seeds: int = option(
        1,
        minimum=1,
        metavar="COUNT",
        help="Run so often, with --seed and the numbers after it, each in its own folder: DIR/seed-0, DIR/seed-1, ... "
        "More than 1 gives the mean of each score and its deviation.",
    )
    train: bool = option(True, help="Train; without it, only score the weights.")
    eval: bool = option(True, help="Score during training and at its end.")
    eval_every: int | None = option(
        None, minimum=1, metavar="STEPS", help="Score every STEPS updates; by default after each epoch."
    )
    eval_batch_size: int = option(32, minimum=1, help="Windows at once while scoring.")
    save_every: Pace | None = option(
        None, help="Save every so many steps, as 500, or minutes, as 15m; by default after each epoch."
    )
    save: bool = option(True, help="Write checkpoints; without it, a run that is stopped is lost.")
    keep: int = option(2, minimum=1, help="Checkpoints that are kept besides the best one.")
    log_every: int = option(10, minimum=1, metavar="STEPS", help="Write metrics every STEPS updates.")
    track: tuple[str, ...] = option(
        (), metavar="NAME,...", help="Trackers that write down what the run does; `bertrun plugins` lists them."
    )
    stop_after: int | None = option(
        None, minimum=1, metavar="STEPS", help="Save and leave after STEPS updates; `bertrun resume` goes on."
    )
    max_minutes: float | None = option(
        None, above=0, metavar="MINUTES", help="Save and leave after so many minutes; `bertrun resume` goes on."
    )
    resume: Literal["never", "auto"] = option(
        "never", help="With auto, go on with the run that --output already holds, where there is one."
    )
    overfit_batches: int | None = option(
        None,
        minimum=1,
        metavar="BATCHES",
        help="Train on the first BATCHES batches alone, to see that they are learnt.",
    )
    carry_moments: bool = option(
        False, help="Begin with the optimizer's state of the run that --weights names, not with zeros."
    )
    device_id: int = option(0, minimum=0, help="Which device, where the machine has several of one kind, from 0.")
    devices: int | None = option(
        None,
        minimum=1,
        metavar="COUNT",
        help="Share each batch among so many devices of this machine, a process each; see `bertrun launch`.",
    )
    dry_run: bool = option(
        False, help="Check and build everything, tell what the run would need, then leave before the first step."
    )
    log_format: Literal["bertrun", "modelzoo"] = option(
        "bertrun", help="How a step's line reads; modelzoo is that of the MindSpore ModelZoo's scripts."
    )
    quiet: bool = option(False, help="Print nothing but errors and the final scores.")
    json: bool = option(False, help="Print the final scores as one JSON object.")

    @property
    def by_layer(self) -> list[str]:
        """The options in use for which the model must say which parameters are of which layer."""
        used = {
            "--layer-decay": self.layer_decay != 1,
            "--freeze-embeddings": self.freeze_embeddings,
            "--freeze-layers": self.freeze_layers > 0,
        }
        return [flag for flag, is_used in used.items() if is_used]

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
        if self.patience is not None and not self.eval:
            yield "--patience counts evaluations, and --no-eval makes none"
        if not self.save and self.stop_after is not None:
            yield "--stop-after saves the run for later, and --no-save saves nothing"
        if self.carry_moments and self.weights is None:
            yield "--carry-moments takes the state of the run that --weights names, and none is named"
        if self.seeds > 1 and self.stop_after is not None:
            yield f"--stop-after {self.stop_after} leaves nothing to compare between --seeds {self.seeds}"
        if self.seeds > 1 and (self.devices or 1) > 1:
            yield f"--seeds {self.seeds} and --devices {self.devices} do not go together: run it once for each --seed"
        if self.seeds > 1 and not self.train:
            yield f"--no-train scores the same weights alike with each of --seeds {self.seeds}"
        if self.vocab is None and self.weights is None:
            yield "no vocabulary: give --weights DIR|NAME (see `bertrun weights list`), or --vocab FILE to start anew"
