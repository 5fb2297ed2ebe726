"""`bert_core.load`: weights opened from Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import CheckpointError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .manager import PluginManager


class Predictor:
    """Weights that are ready to be used; `bert_core.load` makes one.

    Args:
        name_or_path: The weights.
        manager: The plugins.
        device: The device's name; None takes the preferred one.
        batch_size: Texts at once.

    Raises:
        CheckpointError: There are no such weights, or they are damaged or do not fit their model.
    """

    def __init__(
        self, name_or_path: str | Path, manager: PluginManager, *, device: str | None, batch_size: int
    ) -> None:
        from .embedder import Embedder
        from .finished import FinishedRun
        from .training.checkpoints import is_run
        from .weights.store import resolve

        self._path = resolve(name_or_path, manager.specs("weights"))
        self._run: FinishedRun | None = None
        if is_run(self._path):
            self._run = FinishedRun(self._path, manager, device=device, batch_size=batch_size)
            self._embedder = self._run.embedder()
        else:
            self._embedder = Embedder.open(self._path, manager, device=device, batch_size=batch_size)

    @property
    def cut(self) -> int:
        """How many texts `embed` has cut so far, because they have more pieces than are read."""
        return self._embedder.cut

    def predict(self, texts: Iterable[str | Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """A JSON object for each text, in order: what `bertrun predict` prints.

        Args:
            texts: Texts, or objects with the task's own fields, such as `{"question": ..., "context": ...}`.

        Raises:
            CheckpointError: The weights are not those of a run, so that they have no task.
        """
        if self._run is None:
            hint = "Give load() the folder of a run, such as runs/ner; these can embed texts"
            raise CheckpointError("these weights have no task, so they predict nothing", where=self._path, hint=hint)
        return self._run.predict(texts)

    def embed(self, texts: Iterable[str], pooling: str = "mean") -> NDArray[np.float32]:
        """A vector for each text, in order; see `bert_core.embedder.Embedder.embed`.

        Args:
            texts: The texts. What is longer than the model reads is cut off, and counted in `cut`.
            pooling: `mean` of the pieces' vectors, `cls` or `pooler`.

        Returns:
            (texts, hidden_size) float32.

        Raises:
            UsageError: There is no such pooling, or the weights have no pooler.
        """
        return self._embedder.embed(texts, pooling)


def load(path: str | Path, *, device: str | None = None, batch_size: int = 32) -> Predictor:
    """Open weights to use them from Python.

    ```python
    import bert_core

    tagger = bert_core.load("runs/ner")
    tagger.predict(["Ana Duarte lives in Porto."])[0]["entities"]

    encoder = bert_core.load("minilm-l6")
    encoder.embed(["A man is eating.", "Somebody eats."]).shape  # (2, 384)
    ```

    Args:
        path: The folder of a run (its best checkpoint is taken) or of a checkpoint, a folder in Hugging Face
            layout, or a name from `bertrun weights list`.
        device: The device's name, such as `cpu`; None takes the preferred one.
        batch_size: Texts at once.

    Raises:
        CheckpointError: There are no such weights, or they are damaged or do not fit their model.
    """
    import warnings

    from .manager import PluginManager
    from .policy import Policy

    manager = PluginManager(Policy.from_environment(), say=lambda line: warnings.warn(line, stacklevel=4))
    return Predictor(path, manager, device=device, batch_size=batch_size)
