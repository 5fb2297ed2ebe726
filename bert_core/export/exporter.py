"""From a finished run to a folder that is served without bertrun."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import importlib_metadata
import numpy as np

from bert_core.errors import NumericsError, UsageError
from bert_core.files import write_json
from bert_core.finished import FinishedRun
from bert_core.interrupt import ctrl_c_later
from bert_core.manager import PluginManager, host_version
from bert_core.text.tokenizer import WordPiece
from bert_core.types import Device
from bert_core.weights.config import NAMES

from .folder import RECORD, check_free, whole_folder
from .formats import Format, Tensors, Written
from .graph import OPEN
from .inputs import Batch, Input, batches_of, example_windows, inputs_of
from .mindir import MINDIR, arrays
from .onnx import ONNX

if TYPE_CHECKING:
    from mindspore import Parameter

    from bert_core.training.network import Objective

FORMATS: Mapping[str, Format] = {"mindir": MINDIR, "onnx": ONNX}
TOLERANCE = 1e-4
OUTPUTS = ("logits",)  # of a head that names none
LOSS = "loss.safetensors"
LOSS_NOTE = (
    "These parameters belong to the loss, so the graph does not have them; `bertrun predict` uses them to turn "
    "logits into predictions."
)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What an export is to be.

    Args:
        format: A key of `FORMATS`.
        output: Its folder.
        batch_size: Rows in a batch; None leaves it open.
        length: Pieces in a row; None leaves it open.
        overwrite: Whether an export that is there is replaced.
    """

    format: str
    output: Path
    batch_size: int | None
    length: int | None
    overwrite: bool


def export(run: Path, manager: PluginManager, wanted: Wanted, device: str | None, say: Callable[[str], None]) -> float:
    """Write a run's network, compare it with the run, and put beside it what serving needs.

    Args:
        run: The folder of a run, whose best checkpoint is taken, or of a checkpoint.
        manager: The plugins.
        wanted: What it is to be.
        device: The device's name; None takes the preferred one.
        say: Takes the lines that tell what goes on.

    Returns:
        The greatest difference of a logit from the run's.

    Raises:
        CheckpointError: The run's folder holds no whole checkpoint.
        UsageError: A package is missing, the output is not free, the length is more than the model's, or the format
            cannot express the network.
        NumericsError: The file's logits are not the run's.
    """
    form = FORMATS[wanted.format]
    form.check()
    check_free(wanted.output, overwrite=wanted.overwrite)
    predictor = FinishedRun(run, manager, device=device)
    _check_length(wanted.length, predictor.objective)
    own = _of_the_loss(predictor.objective)
    say(form.told)
    if own:
        say(f"the loss has parameters of its own, which go into {LOSS} and not into the graph: {', '.join(own)}")
    with whole_folder(wanted.output) as folder:
        record = _fill(folder, predictor, form, wanted, own)
    difference = float(record["max_difference"])
    say(f"logits differ from the run's by at most {difference:.1e}")
    say(f"export: {wanted.output}")
    return difference


def _fill(
    folder: Path, predictor: FinishedRun, form: Format, wanted: Wanted, own: Mapping[str, Parameter]
) -> dict[str, Any]:
    """Put everything into the folder; give what its record says."""
    from bert_core.training.evaluation import Forward
    from bert_core.training.network import parameters_of

    task, text = predictor.task, predictor.text
    if wanted.length is not None:
        text = WordPiece.from_folder(predictor.weights.folder, max_length=wanted.length)
    windows = example_windows(task, text)
    inputs = inputs_of(task, windows, text, batch_size=wanted.batch_size, length=wanted.length)
    objective = _written_objective(predictor, form)
    network = Forward(objective.network)
    parameters_of(objective)  # gives them back the names of checkpoints, which the file then has
    outputs = getattr(objective.network.head, "outputs", OUTPUTS)
    written = form.write(network, inputs, outputs, folder)
    batches = batches_of(task, windows, text, inputs)
    difference = _difference(_logits(predictor.objective, batches), form.run(written.path, batches))
    text.save(folder)
    shutil.copyfile(predictor.weights.folder / NAMES[0], folder / NAMES[0])
    if own:
        _save(own, folder / LOSS)
    record = _record(predictor, form, wanted, inputs, _described(outputs, written), written.path.name)
    record["max_difference"] = difference
    if own:
        record["loss"] = {"file": LOSS, "tensors": {name: list(p.shape) for name, p in own.items()}, "note": LOSS_NOTE}
    write_json(folder / RECORD, record)
    return record


def _written_objective(predictor: FinishedRun, form: Format) -> Objective:
    """The run's, or one of the same values with other operators: a device's own need not be where a file is served."""
    operators = form.operators()
    if operators == predictor.device.operators:
        return predictor.objective
    return predictor.assemble(Device(operators=operators)).objective


def _described(outputs: Sequence[str], written: Written) -> list[dict[str, Any]]:
    """The name, type and shape of each tensor that the network gives."""
    shapes = [[None if size == OPEN else size for size in kind.shape] for kind in written.gives]
    named = zip(outputs, written.gives, shapes, strict=True)
    return [{"name": name, "dtype": kind.dtype, "shape": shape} for name, kind, shape in named]


def _record(
    predictor: FinishedRun,
    form: Format,
    wanted: Wanted,
    inputs: Sequence[Input],
    outputs: Sequence[Mapping[str, Any]],
    model: str,
) -> dict[str, Any]:
    versions = {name: importlib_metadata.version(name) for name in form.packages}
    return {
        "format": wanted.format,
        "model": model,
        "task": predictor.task_name,
        "checkpoint": str(predictor.weights.folder),
        "inputs": [
            {"name": item.name, "dtype": item.dtype, "shape": list(item.axes), "padding": item.padding}
            for item in inputs
        ],
        "outputs": list(outputs),
        "max_length": wanted.length or predictor.text.max_length,
        "versions": {"bertrun": host_version(), **versions},
    }


def _check_length(length: int | None, objective: Objective) -> None:
    limit = objective.network.bert.max_length
    if length is not None and length > limit:
        raise UsageError(
            f"--length {length} is more than the model's {limit} positions", hint=f"Say --length {limit} or less"
        )


def _of_the_loss(objective: Objective) -> dict[str, Parameter]:
    """The parameters that are in the loss alone."""
    from bert_core.training.network import parameters_of

    network = {id(parameter) for parameter in objective.network.get_parameters()}
    return {name: p for name, p in sorted(parameters_of(objective).items()) if id(p) not in network}


def _save(parameters: Mapping[str, Parameter], path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({name: parameter.asnumpy() for name, parameter in parameters.items()}, path)


def _logits(objective: Objective, batches: Sequence[Batch]) -> list[Tensors]:
    """What the run's own network gives."""
    from mindspore import Tensor

    from bert_core.training.evaluation import Forward
    from bert_core.training.step import open_shapes

    forward = Forward(objective.network)
    forward.set_train(False)
    rows = [[Tensor.from_numpy(array) for array in batch.values()] for batch in batches]
    forward.set_inputs(*open_shapes([None, *rows[0]])[1:])
    with ctrl_c_later():
        return [arrays(forward(*row)) for row in rows]


def _difference(expected: Sequence[Tensors], found: Sequence[Tensors]) -> float:
    """The greatest difference of a logit.

    Raises:
        NumericsError: It is more than `TOLERANCE`, or the shapes differ.
    """
    pairs = [pair for both in zip(expected, found, strict=True) for pair in zip(*both, strict=True)]
    for wanted, got in pairs:
        if wanted.shape != got.shape:
            raise NumericsError(f"the exported network's logits are {got.shape}, and the run's {wanted.shape}")
    greatest = max(float(np.abs(wanted - got).max()) for wanted, got in pairs)
    if not greatest <= TOLERANCE:
        raise NumericsError(
            f"the exported network's logits differ from the run's by {greatest}, not {TOLERANCE} or less"
        )
    return greatest
