"""A plan becomes a run: read, build, train, evaluate, keep the best, predict."""

from __future__ import annotations

import errno
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .assembly import (
    Assembled,
    ask_metrics,
    assemble,
    check_length,
    check_same_vocabulary,
    check_vocabulary,
    open_text,
    ready_device,
)
from .begun import begun, default_folder, folder_of
from .data.bad_records import BadRecords
from .errors import CheckpointError, UsageError
from .manager import PluginManager
from .observers import trackers
from .plan import Plan
from .protocols import Task
from .recorded import Reader
from .reporter import Reporter, Silent
from .text.tokenizer import WordPiece
from .training.checkpoints import newest_whole
from .training.ranks import Ranks
from .training.run_folder import FollowedFolder, RunFolder, check_free
from .types import Device, Reading, Split
from .weights.opened import Weights
from .weights.store import resolve, weights_folder

if TYPE_CHECKING:
    from .trainer import Trainer


@dataclass(frozen=True, kw_only=True)
class Data:
    """What a run reads; None where there is nothing for a split."""

    train: Reading | None
    eval: Reading | None
    test: Reading | None


def train(
    plan: Plan, manager: PluginManager, reporter: Reporter, *, resume: Path | None = None, ranks: Ranks | None = None
) -> bool:
    """Run a plan from start to end, or from where it stopped.

    Args:
        plan: The run.
        manager: The plugins.
        reporter: What is said goes here and into the run's log.
        resume: The folder of a run to go on with.
        ranks: The processes that make it; by default those that the environment tells of.

    Returns:
        Whether it came to its end, or stopped where it was told to.

    Raises:
        BertrunError: Whatever stops it; what was saved stays.
        Interrupted: A signal came; the run's state was saved.
    """
    ranks = ranks or Ranks.of()
    reporter = reporter if ranks.leads else Silent()
    if resume is None and plan.run.resume == "auto":
        resume = begun(plan, reporter.say)
    elif plan.run.output is not None and resume is None and ranks.leads:
        check_free(plan.run.output, overwrite=plan.run.overwrite)
    run = Run(plan, manager, reporter, resume, ranks)
    if plan.run.dry_run:
        for line in run.trainer.needs() if run.trainer else ():
            reporter.say(line)
        reporter.say("dry run: all of this is in order; nothing was trained or written")
        return True
    from .session import Session

    _check_same(run)
    folder = _folder(plan, resume, ranks)
    try:
        return Session(run, folder).go()
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        hint = f"Make room, and go on with `bertrun resume {folder.path}`"
        raise CheckpointError(f"the run cannot be written: {error.strerror}", where=folder.path, hint=hint) from None
    finally:
        folder.close()


def _check_same(run: Run) -> None:
    """Refuse processes that would not make the same run.

    Raises:
        UsageError: They differ in what they were told, read, or begin with.
    """
    run.ranks.check_same("options", json.dumps(run.plan.tables(), sort_keys=True, default=str).encode())
    steps = run.trainer.course.total_steps if run.trainer else 0
    run.ranks.check_same("data", "\n".join([*run.lines, f"{steps} steps"]).encode())
    if not run.ranks.alone:
        digest = hashlib.sha256()
        for parameter in run.assembled.parameters.values():
            digest.update(parameter.asnumpy().tobytes())
        run.ranks.check_same("parameters", digest.digest())


def _folder(plan: Plan, resume: Path | None, ranks: Ranks) -> RunFolder:
    """The run's folder, which the first of its processes makes and writes."""
    folder = _own_folder(plan, resume) if ranks.leads else None
    path = ranks.gathered(folder.path if folder else None)[0]
    assert path is not None
    return folder or FollowedFolder(path)


def _own_folder(plan: Plan, resume: Path | None) -> RunFolder:
    if resume is not None:
        return RunFolder.reopen(resume)
    if plan.run.resume == "auto":
        return RunFolder.create(folder_of(plan), overwrite=True)  # there is none, or one without a checkpoint
    path = plan.run.output or default_folder(plan.choices["task"].name)
    return RunFolder.create(path, overwrite=plan.run.overwrite)


class Run:
    """One run, built. Making it checks everything; it writes nothing.

    Args:
        plan: What it is.
        manager: The plugins.
        reporter: Where it says what it finds.
        resume: The folder of a run to go on with.
        ranks: The processes that make it.
    """

    def __init__(
        self,
        plan: Plan,
        manager: PluginManager,
        reporter: Reporter,
        resume: Path | None,
        ranks: Ranks | None = None,
    ) -> None:
        self.ranks = ranks or Ranks()
        self.plan = plan
        self.manager = manager
        self.reporter = reporter
        self.lines: list[str] = []
        self.resume = resume
        self.tracking = trackers(manager, plan.run.track) if self.ranks.leads else {}
        self.checkpoint = newest_whole(resume, self.say) if resume else None
        self.weights = self._open_weights()
        self.text = self._open_text()
        self.task = self._make_task()
        self.data = self._read()
        self.metrics = ask_metrics(self.task, manager)
        device = plan.choices["device"]
        number = plan.run.device_id if self.ranks.alone or device.spec.target == "CPU" else self.ranks.device
        self.device = ready_device(device.spec, plan.options("device"), number)
        self.ranks.join(device.spec.collective)
        self.assembled = self._assemble(self.device)
        self.trainer: Trainer | None = None
        if self.data.train is not None:
            from .trainer import Trainer

            self.trainer = Trainer(self, self.data.train)

    @property
    def inputs(self) -> list[Path]:
        """The files that were read."""
        run, data = self.plan.run, self.data
        sources = ((run.train_data, data.train), (run.eval_data, data.eval), (run.test_data, data.test))
        read = [path for named, reading in sources if reading for path in reading.files or (named,)]
        weights = [] if self.weights is None else [self.weights.path]
        return [path for path in [*read, run.vocab, *weights] if path is not None]

    def say(self, line: str) -> None:
        """Tell a line now, and keep it for the run's log."""
        self.lines.append(line)
        self.reporter.say(line)

    def _open_weights(self) -> Weights | None:
        if self.checkpoint is not None:
            return Weights(self.checkpoint)
        named = self.named_weights()
        return None if named is None else Weights(weights_folder(named))

    def named_weights(self) -> Path | None:
        """The folder or file that `--weights` means."""
        named = self.plan.run.weights
        return None if named is None else resolve(named, self.manager.specs("weights"))

    def _open_text(self) -> WordPiece:
        if self.checkpoint is not None:
            return WordPiece.from_folder(self.checkpoint, max_length=self.plan.run.max_length)
        text = open_text(self.plan, self.weights.folder if self.weights else None)
        if self.plan.run.vocab is not None and self.weights is not None:
            check_same_vocabulary(text, self.plan.run.vocab, self.weights.folder)
        return text

    def _make_task(self) -> Task:
        """The task; with what it learnt before, where it goes on or is only evaluated."""
        choice = self.plan.choices["task"]
        known = self.weights.config.get("bertrun", {}) if self.weights else {}
        again = self.checkpoint is not None or not self.plan.run.train
        state = known.get("state") if again and known.get("task") == choice.spec.name else None
        task: Task = choice.spec.build(self.plan.options("task"), state)
        return task

    def _read(self) -> Data:
        run = self.plan.run
        sample = run.train_data is None and run.eval_data is None and run.test_data is None
        if run.train and not sample and run.train_data is None:
            raise UsageError(
                "there is data to evaluate on and none to train on",
                hint="Give --train-data too, or --no-train to score what --weights names",
            )
        train = self._reading(run.train_data, "train") if run.train else None
        if train is not None:
            self.task.learn(train.examples)
        evaluated = self._reading(run.eval_data, "eval") if run.eval and (sample or run.eval_data) else None
        test = self._reading(run.test_data, "test") if run.eval and (sample or run.test_data) else None
        if sample:
            self.say("data: the embedded sample, a small original corpus; its scores say that all works, not more")
        if train is None and evaluated is None and test is None:
            raise UsageError("there is nothing to do: no data to train on and none to score", hint="Give --eval-data")
        if train is not None and evaluated is None and run.eval:
            self.say("eval: no --eval-data, so there are no scores, and the last checkpoint counts as the best")
        return Data(train=train, eval=evaluated, test=test)

    def _reading(self, source: Path | None, split: Split) -> Reading:
        run = self.plan.run
        reader = Reader(
            text=self.text,
            schema=run.schema,
            on_bad=BadRecords.parse(run.on_bad_record),
            say=lambda line: self.say(f"{split}: {line}"),
        )
        reading = reader.data(self.task, self.plan.choices["task"].name, source, split)
        self.say(f"{split}: {reading.summary}")
        for note in reading.notes:
            self.say(f"{split}: {note}")
        return reading

    def _assemble(self, device: Device) -> Assembled:
        plan = self.plan
        model = plan.options("model")
        check_vocabulary(self.text, model.vocab_size, str(plan.run.vocab or plan.run.weights))
        assembled = assemble(
            plan.choices["model"].spec,
            model,
            self.task,
            device,
            seed=plan.run.seed,
            weights=self.weights,
            strict=self.checkpoint is not None or not plan.run.train,
            compute_dtype=plan.compute_dtype,
            recompute=plan.run.recompute,
        )
        check_length(plan.run.max_length, assembled.objective.network.bert.max_length)
        count = sum(parameter.size for parameter in assembled.parameters.values())
        self.say(f"model: {plan.choices['model'].name}, {count / 1e6:.1f} million parameters")
        for line in [*(self.weights.notes if self.weights else ()), *assembled.loaded.splitlines()]:
            self.say(f"weights: {line}")
        if self.text.vocab_size < model.vocab_size:
            padding = model.vocab_size - self.text.vocab_size
            self.say(f"vocabulary: {self.text.vocab_size} pieces; the last {padding} embeddings are padding")
        return assembled
