"""The options of every run, whoever its task is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .options import option


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What is trained on, for how long, and where it is written."""

    weights: str | None = option(
        None, metavar="DIR|NAME", help="Start from a folder in Hugging Face layout, or from weights by name."
    )
    vocab: Path | None = option(None, metavar="FILE", help="WordPiece vocabulary; by default the one of the weights.")
    lowercase: bool | None = option(None, help="Lower-case the text; by default what the vocabulary was made for.")
    max_length: int = option(128, minimum=4, help="Pieces in one window, special pieces counted.")
    train_data: Path | None = option(None, help="Training data; the task's embedded sample where none is named.")
    eval_data: Path | None = option(None, help="Data for the scores during training.")
    test_data: Path | None = option(None, help="Data for the scores of the best checkpoint at the end.")
    train: bool = option(True, help="Train; without it the weights are only evaluated.")
    eval: bool = option(True, help="Evaluate during training and at its end.")
    epochs: int = option(3, minimum=1, help="Passes over the training data.")
    max_steps: int | None = option(None, minimum=1, help="Updates in all; overrides the epochs.")
    stop_after: int | None = option(None, minimum=1, metavar="STEPS", help="Save and leave after this many updates.")
    batch_size: int = option(32, minimum=1, help="Windows in one update, over all micro-batches.")
    eval_batch_size: int = option(32, minimum=1, help="Windows in one batch of an evaluation.")
    accumulate: int = option(1, minimum=1, help="Micro-batches in one update.")
    learning_rate: float = option(5e-5, above=0, help="The highest learning rate.")
    clip_norm: float = option(1.0, minimum=0, help="Longest allowed gradient over all parameters; 0 does not clip.")
    seed: int = option(0, minimum=0, help="Of new parameters, of the order of examples and of dropout.")
    shuffle: bool = option(True, help="Train in a new random order each epoch; without it, in the file's.")
    eval_every: int | None = option(None, minimum=1, metavar="STEPS", help="Evaluate so often; default each epoch.")
    save_every: int | None = option(None, minimum=1, metavar="STEPS", help="Save so often; default each epoch.")
    keep: int = option(2, minimum=1, help="Checkpoints kept besides the best one.")
    log_every: int = option(10, minimum=1, metavar="STEPS", help="Write a line of metrics so often.")
    device_id: int = option(0, minimum=0, help="Which of several devices of the kind.")
    output: Path | None = option(None, help="The run's folder; default runs/TASK, or the next free one.")
    overwrite: bool = option(False, help="Replace the run that the output folder already holds.")
    dry_run: bool = option(False, help="Check everything, print the plan, and leave before the first step.")
    quiet: bool = option(False, help="Print nothing but errors and the final scores.")
    json: bool = option(False, help="Print the final scores as one JSON object.")

    def problems(self) -> Iterable[str]:
        """Values that contradict each other."""
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
