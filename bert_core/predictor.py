"""A finished run, opened to evaluate and predict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .assembly import ask_metrics, assemble, ready_device
from .errors import CheckpointError
from .manager import PluginManager
from .options import Layer, resolve
from .text.tokenizer import WordPiece
from .training.checkpoints import open_checkpoint
from .weights.opened import Weights


class Predictor:
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
        known = weights.config.get("bertrun")
        if not isinstance(known, dict):
            raise CheckpointError("config.json does not say which task these weights are for", where=weights.path)
        self.task_name = str(known["task"])
        self.task = _rebuild_task(manager, known)
        self._text = WordPiece.from_folder(weights.folder, max_length=_trained_length(weights.folder))
        self.metrics = ask_metrics(self.task, manager)
        spec = manager.preferred("device") if device is None else manager.get("device", device)
        ready = ready_device(spec, spec.options())
        model = manager.get("model", str(weights.config.get("model_type", "bert")))
        layer = Layer(origin="weights", tables={"model": weights.config}, strict=False)
        options = resolve({"model": model.options}, [layer]).values["model"]
        assembled = assemble(model, options, self.task, ready, seed=0, weights=weights, strict=True)

        from .training.evaluation import Evaluator

        self._evaluator = Evaluator(assembled.objective, self.task, self._text, batch_size)

    def evaluate(self, data: Path | None) -> tuple[dict[str, float], Sequence[Any], Sequence[Any]]:
        """The scores of a file (None: of the sample's test part), its examples and their predictions."""
        from .training.evaluation import score

        reading = self.task.read(data, "test")
        predictions = self._evaluator.predict(reading.examples)
        return score(self.task, self.metrics, reading.examples, predictions), reading.examples, predictions

    def predict(self, texts: Iterable[str]) -> list[Mapping[str, Any]]:
        """A JSON object for each text, in order."""
        examples = [self.task.from_text(text) for text in texts]
        predictions = self._evaluator.predict(examples)
        return [self.task.render(e, p) for e, p in zip(examples, predictions, strict=True)]


def _rebuild_task(manager: PluginManager, known: Mapping[str, Any]) -> Any:
    spec = manager.get("task", str(known["task"]))
    layer = Layer(origin="checkpoint", tables={"task": dict(known.get("options", {}))})
    options = resolve({"task": spec.options}, [layer]).values["task"]
    return spec.build(options, known.get("state"))


def _trained_length(folder: Path) -> int:
    """The length of the windows of training, which `tokenizer_config.json` keeps."""
    import json

    config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    return int(config["model_max_length"])
