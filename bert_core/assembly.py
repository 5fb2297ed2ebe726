"""Names become objects: the device, the tokenizer, the network with its weights."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import CheckpointError, DeviceError, UsageError
from .interrupt import ctrl_c_later
from .manager import PluginManager
from .plan import Plan
from .protocols import Metric, Task
from .text.tokenizer import WordPiece
from .types import Device, DeviceSpec, EncoderParts, ModelSpec
from .weights.folder import WeightsFolder

if TYPE_CHECKING:
    from mindspore import Parameter

    from .training.network import Objective

POSITION_IDS = "bert.embeddings.position_ids"  # a constant that old transformers releases stored
POOLER = "bert.pooler."


@dataclass(frozen=True, kw_only=True)
class Assembled:
    """A network and what belongs to it.

    Args:
        objective: Network and loss.
        parameters: All of them, by the names of checkpoints.
        loaded: The table of what came from the weights; empty where there were none.
    """

    objective: Objective
    parameters: Mapping[str, Parameter]
    loaded: str


def ready_device(spec: DeviceSpec, options: Any, device_id: int = 0) -> Device:
    """Make the device ready: of several, the one of that number.

    Raises:
        DeviceError: Its probe says that it cannot run here, or that there is none of that number.
    """
    probe = spec.probe()
    if not probe.available:
        raise DeviceError(f"the device '{spec.name}' cannot run here: {' '.join(probe.findings)}")
    if device_id >= probe.count:
        raise DeviceError(
            f"there is no '{spec.name}' {device_id} here, only {probe.count} of them, counted from 0",
            hint="Leave out --device-id, or give a smaller one",
        )
    os.environ.setdefault("GLOG_v", "3")  # MindSpore's warnings are for its developers
    with ctrl_c_later():
        return spec.build(options, device_id)


def open_text(plan: Plan, folder: Path | None) -> WordPiece:
    """The tokenizer: of the vocabulary that the user names, else of the weights."""
    run = plan.run
    if run.vocab is not None:
        return WordPiece.from_vocab(run.vocab, lowercase=run.lowercase, max_length=run.max_length)
    if folder is None:
        raise UsageError("no vocabulary: give --weights or --vocab")
    return WordPiece.from_folder(folder, max_length=run.max_length)


def assemble(
    spec: ModelSpec, options: Any, task: Task, device: Device, *, seed: int, weights: WeightsFolder | None, strict: bool
) -> Assembled:
    """Build the network of a task, and give it weights.

    Args:
        spec: The model.
        options: Its sizes.
        task: Whose head it gets.
        device: Whose operators it uses.
        seed: Of first values.
        weights: Where values come from; None leaves the first ones.
        strict: Whether the head's and the loss's values must be there too.

    Raises:
        CheckpointError: The weights do not fit.
    """
    from .training.network import Network, Objective, parameters_of

    parts = EncoderParts(operators=device.operators, pooler=task.reads != "sequence", seed=seed)
    objective = Objective(Network(spec.build(options, parts), task, seed), task, seed)
    parameters = parameters_of(objective)
    loaded = "" if weights is None else load(weights, parameters, strict=strict)
    return Assembled(objective=objective, parameters=parameters, loaded=loaded)


def load(weights: WeightsFolder, parameters: Mapping[str, Parameter], *, strict: bool) -> str:
    """Set parameters from weights, one tensor at a time; give the table of what went where.

    A head of another shape belongs to another task or other labels: its parameters keep their first values.
    """
    from mindspore import Tensor

    stored = weights.shapes()
    wanted = {
        name: tuple(parameter.shape)
        for name, parameter in parameters.items()
        if strict or name.startswith("bert.") or stored.get(name, parameter.shape) == parameter.shape
    }
    report = weights.match(
        wanted,
        prefix="bert.",
        encoder=wanted if strict else [name for name in wanted if name.startswith("bert.")],
        ignorable=[POSITION_IDS],
        may_be_new=[name for name in wanted if name.startswith(POOLER)],
    )
    report.check()
    for name, source in report.loaded.items():
        parameters[name].set_data(Tensor(weights.tensor(source)))
    return report.table()


def check_vocabulary(text: WordPiece, rows: int, where: str) -> None:
    """Refuse a vocabulary that has pieces without an embedding.

    Raises:
        CheckpointError: It has more pieces than the model has rows.
    """
    if text.vocab_size > rows:
        raise CheckpointError(
            f"the vocabulary has {text.vocab_size} pieces and the model {rows} word embeddings",
            where=where,
            hint=f"Use the vocabulary of the weights, or say --vocab-size {text.vocab_size} to train from scratch",
        )


def check_length(task_length: int, model_length: int) -> None:
    """Refuse windows that are longer than the model has positions.

    Raises:
        UsageError: They are.
    """
    if task_length > model_length:
        raise UsageError(
            f"--max-length {task_length} is more than the model's {model_length} positions",
            hint=f"Say --max-length {model_length}; longer texts go through overlapping windows",
        )


def ask_metrics(task: Task, manager: PluginManager) -> dict[str, Metric]:
    """The metrics that a task asks for, by name."""
    specs = {name: manager.get("metric", name) for name in task.metrics}
    return {name: spec.build(spec.options()) for name, spec in specs.items()}
