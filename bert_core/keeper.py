"""The checkpoints of a run: what they hold, copied from it and written while it goes on."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .abilities import DescribedTask
from .files import write_json
from .training.checkpoints import Checkpoints
from .training.saver import Saver
from .training.saving import MODEL, TRAINING, copied, model_config, write_state, write_tensors

if TYPE_CHECKING:
    from .runner import Run


class Keeper:
    """Writes a run's checkpoints.

    Args:
        run: What is kept; it trains.
        folder: Of the run.
    """

    def __init__(self, run: Run, folder: Path) -> None:
        self._run = run
        self._checkpoints = Checkpoints(folder, keep=run.plan.run.keep)
        self._saver = Saver(self._checkpoints)
        self.finished = self._saver.finished
        self.close = self._saver.close
        self.point = self._checkpoints.point

    def begin(self, step: int, state: Mapping[str, Any], moments: Mapping[str, Any], *, best: bool) -> None:
        """Copy what a checkpoint holds, and begin to write it; see `Saver.begin`.

        Args:
            step: The number of steps made.
            state: The content of its `state.json`.
            moments: The optimizer's state, which training does not change.
            best: Whether it is the best so far.
        """
        write = partial(
            self._write,
            tensors={MODEL: copied(self._run.assembled.parameters), TRAINING: moments},
            config=copy.deepcopy(self._config()),
            state=copy.deepcopy(state),
        )
        self._saver.begin(step, write, best=best)

    def _write(
        self,
        path: Path,
        *,
        tensors: Mapping[str, Mapping[str, Any]],
        config: Mapping[str, Any],
        state: Mapping[str, Any],
    ) -> None:
        for name, values in tensors.items():
            write_tensors(path / name, values)
        write_json(path / "config.json", config)
        self._run.text.save(path)
        write_state(path, state)

    def _config(self) -> Mapping[str, Any]:
        plan, task = self._run.plan, self._run.task
        tables = plan.settings.tables()
        known = {"task": plan.choices["task"].name, "options": tables["task"], "state": task.state()}
        family = plan.choices["model"].spec.name
        head = task.head_config() if isinstance(task, DescribedTask) else {}
        return model_config(tables["model"], family=family, labels=list(task.labels), head=head, task=known)
