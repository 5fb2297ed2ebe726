"""A finished run, opened to evaluate and predict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from .abilities import NotingTask, RowTask
from .assembly import ask_metrics, assemble, device_named, model_of
from .embedder import Embedder
from .errors import CheckpointError, DataError
from .manager import PluginManager
from .names import listed
from .options import Layer, resolve
from .protocols import Encoder
from .recorded import Reader
from .text.folder import said_length
from .text.tokenizer import WordPiece
from .training.checkpoints import open_checkpoint
from .weights.opened import Weights


class FinishedRun:
    """A task's network with the weights of a checkpoint.

    Args:
        path: The folder of a run, whose best checkpoint is taken, or of a checkpoint.
        manager: The plugins.
        device: The device's name; None takes the preferred one.
        batch_size: Windows at once.

    Raises:
        CheckpointError: The folder holds no whole checkpoint that a run of bertrun wrote.
    """

    def __init__(self, path: Path, manager: PluginManager, *, device: str | None = None, batch_size: int = 32) -> None:
        weights = Weights(open_checkpoint(path))
        self.weights = weights
        known = weights.config.get("bertrun")
        if not isinstance(known, dict):
            raise CheckpointError("config.json does not say which task these weights are for", where=weights.path)
        self.task_name = str(known["task"])
        self.task = _rebuild_task(manager, known)
        self.text = WordPiece.from_folder(weights.folder, max_length=_trained_length(weights.folder))
        self.metrics = ask_metrics(self.task, manager)
        self.device = device_named(manager, device)
        model, options = model_of(weights, manager)
        self.assemble = partial(assemble, model, options, self.task, seed=0, weights=weights, strict=True)
        self.objective = self.assemble(self.device).objective

        from .training.evaluation import Evaluator

        self._evaluator = Evaluator(self.objective, self.task, self.text, batch_size)
        self._encoder: Encoder = self.objective.network.bert
        self._batch_size = batch_size

    def evaluate(
        self, data: Path | None, say: Callable[[str], None] = lambda _: None
    ) -> tuple[dict[str, float], Sequence[Any], Sequence[Any]]:
        """The scores of a file, its examples and their predictions.

        Args:
            data: The file, or what else the task reads; None for the sample's test part.
            say: Where it is said what was decided while reading, and that records are made of text.
        """
        from .training.evaluation import score

        reading = Reader(text=self.text, say=say).data(self.task, self.task_name, data, "test")
        for note in reading.notes:
            say(note)
        predictions = self._evaluator.predict(reading.examples)
        return score(self.task, self.metrics, reading.examples, predictions), reading.examples, predictions

    def example(self, said: str | Mapping[str, Any], where: str | None = None) -> Any:
        """What is predicted from a text, or from the members of a JSON object.

        Args:
            said: It.
            where: Where it stands, for messages.

        Raises:
            DataError: It is no example of the task.
        """
        try:
            if isinstance(said, str):
                return self.task.from_text(said)
            return self.task.from_row(said) if isinstance(self.task, RowTask) else self.task.from_text(_text(said))
        except DataError as error:
            raise DataError(error.what, where=error.where or where, hint=error.hint) from None

    def predict(self, texts: Iterable[str | Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """A JSON object for each text, in order."""
        return self.predict_examples([self.example(one) for one in texts])

    def predict_examples(self, examples: Sequence[Any]) -> list[Mapping[str, Any]]:
        """A JSON object for each example, in order."""
        predictions = self._evaluator.predict(examples)
        return [self.task.render(e, p) for e, p in zip(examples, predictions, strict=True)]

    def notes(self) -> Sequence[str]:
        """What the task decided about the examples of the last evaluation or prediction, such as what was cut."""
        return self.task.encoding_notes() if isinstance(self.task, NotingTask) else ()

    def embedder(self) -> Embedder:
        """The encoder of this network, for vectors of texts; it has the network's values, not a copy."""
        pooler = self.task.reads != "sequence"
        return Embedder(self._encoder, self.text, pooler=pooler, batch_size=self._batch_size)


def _text(said: Mapping[str, Any]) -> str:
    text = said.get("text")
    if not isinstance(text, str):
        raise DataError(f'this JSON line has no "text"; its keys are: {listed(said)}')
    return text


def _rebuild_task(manager: PluginManager, known: Mapping[str, Any]) -> Any:
    spec = manager.get("task", str(known["task"]))
    layer = Layer(origin="checkpoint", tables={"task": dict(known.get("options", {}))})
    options = resolve({"task": spec.options}, [layer]).values["task"]
    return spec.build(options, known.get("state"))


def _trained_length(folder: Path) -> int:
    """The length of the windows of training, which `tokenizer_config.json` keeps."""
    length = said_length(folder)
    if length is None:
        raise CheckpointError("tokenizer_config.json does not say model_max_length", where=folder)
    return length
