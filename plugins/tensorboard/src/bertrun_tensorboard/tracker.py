"""What a run tells TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from bert_core import RunView, StepRecord, hookimpl

from .event_file import EventFile, cut, event_files
from .events import FINAL, begun_again, is_before, scalars, table


class TensorBoard:
    """Writes the folder `tensorboard` of a run; a run that goes on has each step once."""

    @hookimpl
    def bertrun_on_run_begin(self, run: RunView) -> None:
        """Open a file, after those of earlier starts, which lose what is going to be made again."""
        folder = run.folder / "tensorboard"
        earlier = event_files(folder)
        for path in earlier:
            cut(path, partial(is_before, steps=run.steps_before))
        self._file = EventFile(folder)
        if earlier:
            self._file.add(begun_again(run.steps_before + 1))
            return
        for owner, options in run.tables.items():
            self._file.add(table(f"options/{owner}", options))

    @hookimpl
    def bertrun_on_step_end(self, run: RunView, step: StepRecord) -> None:
        """The numbers of a step, where the run logs them too."""
        if step.step % run.tables["run"]["log_every"] and step.step not in (1, run.total_steps):
            return
        values = {
            "loss": step.loss,
            "learning_rate": step.learning_rate,
            "grad_norm": step.grad_norm,
            "loss_scale": step.loss_scale,
            "tokens_per_s": step.tokens / step.seconds,
            "epoch": step.epoch,
        }
        self._file.add(scalars("train/", values, step.step))

    @hookimpl
    def bertrun_on_eval_end(self, scores: Mapping[str, float], at_step: int, final: bool) -> None:
        """The scores of an evaluation."""
        self._file.add(scalars(FINAL if final else "eval/", scores, at_step))

    @hookimpl
    def bertrun_on_run_end(self) -> None:
        """Close the file."""
        self._file.close()
