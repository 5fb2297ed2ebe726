"""Names become objects: the device, the tokenizer, the network with its weights."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import CheckpointError, DeviceError, UsageError
from .interrupt import ctrl_c_later
from .manager import PluginManager
from .options import Layer, resolve
from .plan import Plan
from .probing import check_available
from .protocols import Encoder, Metric, Task
from .text.tokenizer import WordPiece
from .text.vocabulary import Vocabulary
from .training.checkpoints import is_run, open_checkpoint
from .types import Device, DeviceSpec, EncoderParts, ModelSpec
from .weights.opened import Weights
from .weights.store import resolve as resolve_weights

if TYPE_CHECKING:
    from mindspore import Parameter

    from .training.network import Objective

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
    probe = check_available(spec)
    if device_id >= probe.count:
        raise DeviceError(
            f"there is no '{spec.name}' {device_id} here, only {probe.count} of them, counted from 0",
            hint="Leave out --device-id, or give a smaller one",
        )
    for name, value in {"GLOG_v": "3", **spec.environment}.items():  # MindSpore's warnings are for its developers
        os.environ.setdefault(name, value)
    with ctrl_c_later():
        return spec.build(options, device_id)


def device_named(manager: PluginManager, name: str | None) -> Device:
    """Make the device of a name ready, as it is by default; None takes the preferred one.

    Raises:
        PluginError: There is none of that name.
        DeviceError: It cannot run here.
    """
    spec = manager.preferred("device") if name is None else manager.get("device", name)
    return ready_device(spec, spec.options())


def open_weights(name_or_path: str | Path, manager: PluginManager) -> Weights:
    """The weights of a folder or a name; of a run, its best checkpoint.

    Raises:
        CheckpointError: There are none, or they are damaged.
    """
    path = resolve_weights(name_or_path, manager.specs("weights"))
    return Weights(open_checkpoint(path) if is_run(path) else path)


def model_of(weights: Weights, manager: PluginManager) -> tuple[ModelSpec, Any]:
    """The model that weights are of, by the `model_type` of their `config.json`, and its sizes.

    Raises:
        PluginError: No installed plugin has that model.
        ConfigError: A size is not what the model takes.
    """
    spec = manager.get("model", str(weights.config.get("model_type", "bert")))
    layer = Layer(origin="weights", tables={"model": weights.config}, strict=False)
    return spec, resolve({"model": spec.options}, [layer]).values["model"]


def has_pooler(weights: Weights) -> bool:
    """Whether a pooler's values are stored."""
    return any(name.startswith(POOLER) for name in weights.tensors)


def open_text(plan: Plan, folder: Path | None) -> WordPiece:
    """The tokenizer: of the vocabulary that the user names, else of the weights."""
    run = plan.run
    if run.vocab is not None:
        return WordPiece.from_vocab(run.vocab, lowercase=run.lowercase, max_length=run.max_length)
    if folder is None:
        raise UsageError("no vocabulary: give --weights or --vocab")
    return WordPiece.from_folder(folder, max_length=run.max_length)


def assemble(
    spec: ModelSpec,
    options: Any,
    task: Task,
    device: Device,
    *,
    seed: int,
    weights: Weights | None,
    strict: bool,
    compute_dtype: str = "float32",
    recompute: bool = False,
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
        compute_dtype: The type in which matrix products are computed.
        recompute: Whether the way back computes each layer again.

    Raises:
        CheckpointError: The weights do not fit.
    """
    from .training.network import Network, Objective, parameters_of

    parts = EncoderParts(
        operators=device.operators,
        pooler=task.reads != "sequence",
        seed=None if weights is not None and strict else seed,
        compute_dtype=compute_dtype,
        recompute=recompute,
    )
    objective = Objective(Network(spec.build(options, parts), task, seed), task, seed)
    parameters = parameters_of(objective)
    loaded = "" if weights is None else load(weights, parameters, labels=task.labels, strict=strict)
    return Assembled(objective=objective, parameters=parameters, loaded=loaded)


def build_encoder(spec: ModelSpec, options: Any, device: Device, weights: Weights) -> Encoder:
    """Build an encoder alone, with a pooler where the weights have one, and give it the weights.

    Args:
        spec: The model.
        options: Its sizes.
        device: Whose operators it uses.
        weights: Where every value comes from.

    Raises:
        CheckpointError: The weights do not fit.
    """
    from .training.network import encoder_parameters

    parts = EncoderParts(operators=device.operators, pooler=has_pooler(weights), seed=None)
    encoder = spec.build(options, parts)
    load(weights, encoder_parameters(encoder), labels=(), strict=True)
    return encoder


def load(weights: Weights, parameters: Mapping[str, Parameter], *, labels: Sequence[str], strict: bool) -> str:
    """Set parameters from weights, one tensor at a time; give the table of what went where.

    A head of other labels, or of another shape, belongs to other data or another task: its parameters keep their
    first values.

    Args:
        weights: Where values come from.
        parameters: What gets them, by name.
        labels: The label names of the task, by id.
        strict: Whether the head's and the loss's values must be there too.

    Raises:
        CheckpointError: The weights do not fit.
    """
    from mindspore import Tensor

    encoder = [name for name in parameters if name.startswith("bert.")]
    head = [name for name in parameters if name not in encoder]
    if strict and head and not set(head) & set(weights.tensors):
        hint = "Train first, and give --weights the folder of that run"
        raise CheckpointError("these weights have an encoder and no head for this task", where=weights.path, hint=hint)
    report = weights.match(
        {name: tuple(parameter.shape) for name, parameter in parameters.items()},
        required=parameters if strict else [name for name in encoder if not name.startswith(POOLER)],
        head=head,
        other=() if strict or _labels_of(weights) == list(labels) else head,
    )
    report.check()
    for name in report.loaded:
        parameters[name].set_data(Tensor(weights.tensor(name)))
    return report.table()


def _labels_of(weights: Weights) -> list[str]:
    """The label names of stored weights by id, or nothing."""
    named = weights.config.get("id2label")
    return [str(named[key]) for key in sorted(named, key=int)] if isinstance(named, dict) else []


def check_same_vocabulary(text: WordPiece, named: Path, folder: Path) -> None:
    """Refuse a vocabulary that is not the one which weights were trained with.

    Raises:
        CheckpointError: It is another one than the one beside the weights.
    """
    beside = folder / "vocab.txt"
    if beside.is_file() and Vocabulary.read(beside).sha256 != text.vocab_sha256:
        what = f"this is not the vocabulary of the weights, {beside}, and its pieces would get other pieces' vectors"
        raise CheckpointError(what, where=named, hint="Leave out --vocab")


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
