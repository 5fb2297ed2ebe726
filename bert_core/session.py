"""A run that goes: it makes updates, evaluates, saves, tells observers, and leaves when asked."""

from __future__ import annotations

import math
import signal
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .abilities import DoubtingTask, FilingTask, InspectedTask, NotingTask, RecallingTask
from .data.remembered import digest_of
from .environment import environment
from .errors import CheckpointError, DataError, Interrupted
from .heartbeat import beat
from .interrupt import StopAsked, StopFlag
from .keeper import Keeper
from .observers import Observers
from .read_only import read_only
from .training.checkpoints import open_checkpoint
from .training.evaluation import Evaluator, score
from .training.guards import Guards
from .training.leaving import Leaving
from .training.loop import train_steps
from .training.not_finite import NotFiniteError
from .training.progress import Progress
from .training.run_folder import RunFolder
from .training.saving import MODEL, TRAINING, read_parameters, read_state
from .types import Reading, RunView, StepRecord
from .weights.opened import Weights

if TYPE_CHECKING:
    from .runner import Run
    from .trainer import Trainer


NOT_FINITE = "not_finite.json"
_BEGIN = "Begin another run, from this one's weights if you like: --weights and --output"


class Session:
    """The part of a run that takes time.

    Args:
        run: Everything built.
        folder: Where it writes.
    """

    def __init__(self, run: Run, folder: RunFolder) -> None:
        self._run = run
        self._folder = folder
        self._options = run.plan.run
        self._observers = Observers(run.manager.hook if run.ranks.leads else None, self._say, run.tracking)
        self._trainer = run.trainer
        self._total = run.trainer.course.total_steps if run.trainer else 0
        self._progress = run.trainer.progress if run.trainer else Progress()
        self._saves = run.trainer is not None and self._options.save
        self._keeper = Keeper(run, folder.path) if self._saves and run.ranks.leads else None
        self._guards = Guards(clip_norm=self._options.clip_norm)
        self._warned: set[str] = set()
        self._evaluator = Evaluator(
            run.assembled.objective, run.task, run.text, self._options.eval_batch_size, run.ranks
        )
        self._view = RunView(folder=folder.path, tables=read_only(run.plan.tables()), total_steps=self._total)
        self._best: tuple[int, float] | None = None
        self._waited = 0  # evaluations since the best one
        self._saved = time.monotonic()
        self._scores: dict[str, Any] = {}
        self._flag = StopFlag()
        self._leaving = Leaving(self._flag, run.ranks, self._options.max_minutes)

    def go(self) -> bool:
        """Train, evaluate, keep the best, predict.

        Returns:
            Whether it came to its end; else it stopped where it was told to.

        Raises:
            Interrupted: A signal came; the run's state was saved.
        """
        self._begin()
        outcome = "done"
        try:
            with self._flag:
                return self._work()
        except BaseException as error:
            outcome = "interrupted" if isinstance(error, (Interrupted, KeyboardInterrupt)) else f"failed: {error}"
            with suppress(OSError):  # the disk may be full, which is what stops the run
                self._folder.log(outcome)
            if isinstance(error, NotFiniteError):
                self._report(error)
            with suppress(CheckpointError, OSError):  # what stopped the run is said, and not that too
                self._collect(wait=True)
            raise
        finally:
            if self._keeper is not None:
                self._keeper.close()
            self._observers.tell("bertrun_on_run_end", {"run": self._view, "outcome": outcome})
            with suppress(OSError):
                self._tell_of_observers()

    def _tell_of_observers(self) -> None:
        """Name those that slowed the run, and record what each took."""
        for line in self._observers.slow():
            self._say(line)
        self._folder.add_observers(self._observers.seconds)

    def _begin(self) -> None:
        run = self._run
        for line in run.lines:
            self._folder.log(line)
        if run.resume is None:
            self._folder.write_run_file(run.plan.tables())
            self._folder.write_environment(environment(run.plan, run.manager, run.inputs))
        if run.checkpoint is not None:
            self._go_on_from(run.checkpoint)
            self._view = replace(self._view, steps_before=self._step)
        self._say(f"run: {self._folder.path}")
        beat()
        self._observers.tell("bertrun_on_run_begin", {"run": self._view})

    def _go_on_from(self, checkpoint: Path) -> None:
        assert self._trainer is not None
        self._trainer.optimizer_state.read(checkpoint / TRAINING)
        state = read_state(checkpoint)
        self._check_unchanged(int(state["total"]))
        self._progress.restore(state["progress"])
        self._best = tuple(state["best"]) if state["best"] else None
        self._waited = int(state["waited"])
        self._scores = dict(state["scores"])
        if self._keeper is not None:
            self._keeper.point(latest=self._step, best=self._best[0] if self._best else None)
        self._folder.cut_metrics(self._step)
        self._say(f"resume: from {checkpoint.name}")

    def _check_unchanged(self, total: int) -> None:
        """Refuse to go on with other data than the run began with, or with settings that make it another run."""
        for path, digest in self._folder.inputs().items():
            if Path(path).is_file() and digest_of(Path(path)) != digest:
                raise DataError("this file is not what the run began with", where=path, hint=_BEGIN)
        if total != self._total:
            raise DataError(f"the run was to make {total} updates, and it would make {self._total} now", hint=_BEGIN)

    @property
    def _step(self) -> int:
        return self._progress.step

    @property
    def _ended(self) -> bool:
        """Whether there is nothing left to train."""
        patience = self._options.patience
        return self._step == self._total or (patience is not None and self._waited >= patience)

    def _work(self) -> bool:
        try:
            if self._trainer is not None:
                self._train(self._trainer)
            self._collect(wait=True)
            if self._ended:
                self._run.ranks.meet()  # what the first has written is there for all
                self._finish()
            return self._ended
        except StopAsked:
            return self._leave()

    def _train(self, trainer: Trainer) -> None:
        if not self._ended:
            self._say("compiling the training step, once for all lengths")
        if self._step and self._evaluation_due() and self._scores.get("last", {}).get("step") != self._step:
            self._save(best=self._evaluate())  # a signal came before it was done
        steps = train_steps(trainer.stepper, self._run.task, trainer.course, self._progress, self._leaving)
        while not self._ended:
            record = next(steps)
            beat()
            self._tell(record)
            self._collect(wait=False)
            self._leaving.check()
            evaluated = self._evaluation_due()
            best = self._evaluate() if evaluated else self._run.data.eval is None
            leaves = self._leaves()
            if evaluated or leaves or self._ended or self._save_due():
                self._save(best=best)
            if leaves and not self._ended:
                self._say(f"stopped after step {self._step}, as {leaves} says; {self._how_to_go_on()}")
                return
        if self._step < self._total:
            best_step = self._best[0] if self._best else 0
            self._say(f"no evaluation was better than that of step {best_step}, as --patience says: training ends")

    def _evaluation_due(self) -> bool:
        return self._run.data.eval is not None and self._due(self._options.eval_every)

    def _save_due(self) -> bool:
        pace = self._options.save_every
        if pace is not None and pace.seconds is not None:
            due = time.monotonic() - self._saved >= pace.seconds
            assert self._trainer is not None
            # where each process has a part of what is saved, all save together, by the first one's clock
            return self._run.ranks.gathered(due)[0] if self._trainer.optimizer_state.shared else due
        return self._due(pace.steps if pace else None)

    def _due(self, every: int | None) -> bool:
        """Whether something that is done every so many steps, by default every epoch, is due."""
        assert self._trainer is not None
        return self._step % (every or len(self._trainer.course.order)) == 0 or self._step == self._total

    def _leaves(self) -> str:
        """The option that says to leave here, or nothing."""
        if self._step == self._options.stop_after:
            return "--stop-after"
        return "--max-minutes" if self._leaving.late else ""

    def _tell(self, record: StepRecord) -> None:
        due = record.step % self._options.log_every == 0 or record.step in (1, self._total)
        line = self._run.reporter.step(record, self._total, due=due)
        if due:
            self._folder.log(line)
            self._folder.metrics(
                step=record.step,
                epoch=round(record.epoch, 4),
                loss=record.loss,
                lr=record.learning_rate,
                tokens_per_s=round(record.tokens / record.seconds),
                seconds=round(record.seconds, 4),
                grad_norm=record.grad_norm if math.isfinite(record.grad_norm) else None,  # JSON has no NaN
                loss_scale=record.loss_scale,
                skipped=record.skipped,
            )
        for doubt in self._guards.after(record):
            self._warn(doubt)
        self._observers.tell("bertrun_on_step_end", {"run": self._view, "step": record})

    def _warn(self, doubt: str) -> None:
        """Say that something looks wrong, once."""
        if doubt not in self._warned:
            self._warned.add(doubt)
            self._say(f"warning: {doubt}")

    def _evaluate(self) -> bool:
        """Score the evaluation set; whether it is the best so far."""
        reading = self._run.data.eval
        assert reading is not None
        scores, _ = self._score(f"eval at step {self._step}", reading, final=False)
        value = scores[self._run.task.best]
        best = self._best is None or value > self._best[1]
        self._waited = 0 if best else self._waited + 1
        self._scores["last"] = {"step": self._step, "scores": scores}
        if best:
            self._best = (self._step, value)
            self._scores["best"] = self._scores["last"]
        return best

    def _score(self, title: str, reading: Reading, *, final: bool) -> tuple[dict[str, float], list[Any]]:
        run = self._run
        predictions = list(self._evaluator.predict(reading.examples, self._poll))
        scores = score(run.task, run.metrics, reading.examples, predictions)
        for doubt in run.task.doubts(predictions) if isinstance(run.task, DoubtingTask) else ():
            self._warn(doubt)
        run.reporter.scores(title, scores)
        self._folder.log(f"{title}: " + ", ".join(f"{name} {value:.4f}" for name, value in scores.items()))
        self._folder.metrics(step=self._step, title=title, scores=scores)
        at_step = self._best[0] if final and self._best else self._step
        told = {"run": self._view, "scores": scores, "at_step": at_step, "final": final}
        self._observers.tell("bertrun_on_eval_end", told)
        return scores, predictions

    def _poll(self) -> None:
        """Between the batches of an evaluation."""
        beat()
        self._leaving.check()

    def _finish(self) -> None:
        """Score and predict with the best parameters."""
        run = self._run
        if self._best is not None and self._best[0] != self._step and self._saves:
            best = open_checkpoint(self._folder.path, ["best"])
            read_parameters(best / MODEL, run.assembled.parameters)
            if isinstance(run.task, RecallingTask):
                run.task.recall(Weights(best).config["bertrun"]["state"])
            self._say(f"best: step {self._best[0]}, {run.task.best} {self._best[1]:.4f}")
        scores: dict[str, float] = self._scores.get("best", {}).get("scores", {})
        reading = run.data.test or run.data.eval
        if reading is not None:
            name = "test" if run.data.test else "eval"
            scores, predictions = self._score(f"{name} of the best checkpoint", reading, final=True)
            for note in run.task.encoding_notes() if isinstance(run.task, NotingTask) else ():
                self._say(f"{name}: {note}")
            self._scores[name] = {"step": self._best[0] if self._best else self._step, "scores": scores}
            rendered = map(run.task.render, reading.examples, predictions)
            self._folder.write_predictions(rendered)
            self._say(f"predictions: {self._folder.path / 'predictions.jsonl'} ({name})")
            if isinstance(run.task, FilingTask):
                self._folder.write_files(run.task.files(reading.examples, predictions))
        self._folder.write_scores(self._scores)
        self._folder.forget_replaced()
        run.reporter.final(scores)

    def _save(self, *, best: bool) -> None:
        self._collect(wait=True)
        moments = self._trainer.optimizer_state.collected() if self._trainer and self._saves else {}
        if self._keeper is None:
            return
        state = {
            "progress": self._progress.state(),
            "total": self._total,
            "best": self._best,
            "waited": self._waited,
            "scores": self._scores,
        }
        self._keeper.begin(self._step, state, moments, best=best)
        self._saved = time.monotonic()

    def _collect(self, *, wait: bool) -> None:
        """Tell of the checkpoint that has become whole."""
        path = self._keeper.finished(wait=wait) if self._keeper else None
        if path is not None:
            self._folder.forget_replaced()
            self._folder.write_scores(read_state(path)["scores"])
            self._observers.tell("bertrun_on_checkpoint", {"run": self._view, "path": path})

    def _leave(self) -> bool:
        number = self._flag.signal_number or signal.SIGTERM  # another process's, as it may be
        if not self._saves:
            why = "--no-save was said" if self._trainer else "nothing was trained"
            raise Interrupted(f"stopped by a signal; {why}, so there is nothing saved", signal_number=number)
        self._save(best=self._run.data.eval is None)
        self._collect(wait=True)
        what = f"stopped by a signal after step {self._step} of {self._total}; everything is saved"
        raise Interrupted(what, signal_number=number, hint=self._how_to_go_on())

    def _report(self, error: NotFiniteError) -> None:
        """Write what is known of the step whose numbers are not finite."""
        data = self._run.data.train
        assert data is not None
        task = self._run.task
        places = [
            task.inspect(data.examples[number])[0] if isinstance(task, InspectedTask) else f"example {number}"
            for number in error.report["examples"]
        ]
        self._folder.write_files({NOT_FINITE: {**error.report, "places": places}})
        self._say(f"report: {self._folder.path / NOT_FINITE}")

    def _how_to_go_on(self) -> str:
        return f"`bertrun resume {self._folder.path}` goes on"

    def _say(self, line: str) -> None:
        self._folder.log(line)
        self._run.reporter.say(line)
