"""What a checkpoint holds, written and read back."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mindspore import Parameter, Tensor
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

from bert_core.errors import CheckpointError
from bert_core.files import write_json

MODEL = "model.safetensors"
TRAINING = "training.safetensors"
STATE = "state.json"


def copied(parameters: Mapping[str, Parameter]) -> dict[str, NDArray[Any]]:
    """The values of parameters by name, which training from here on does not change."""
    return {name: parameter.asnumpy().copy() for name, parameter in parameters.items()}


def write_tensors(path: Path, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Write tensors by name, as Hugging Face's loaders expect them."""
    path.touch()
    mode = stat.S_IMODE(path.stat().st_mode)
    save_file(dict(tensors), path, metadata={"format": "pt"})
    path.chmod(mode)  # the file that safetensors writes is for its owner alone, whatever the umask


def read_parameters(
    path: Path, parameters: Mapping[str, Parameter], shapes: Mapping[str, tuple[int, ...]] | None = None
) -> None:
    """Set every parameter to what was written.

    Args:
        path: The file.
        parameters: By name.
        shapes: Of all that the file should hold; by default those parameters alone.

    Raises:
        CheckpointError: Names or shapes differ.
    """
    if shapes is None:
        shapes = {name: tuple(parameter.shape) for name, parameter in parameters.items()}
    with safe_open(path, framework="np") as stored:
        names = set(stored.keys())
        if names != set(shapes):
            odd = ", ".join(sorted(names ^ set(shapes))[:5])
            raise CheckpointError(f"holds other tensors than this run, among them {odd}", where=path)
        for name, shape in shapes.items():
            found = tuple(stored.get_slice(name).get_shape())
            if found != shape:
                raise CheckpointError(f"{name} is {found}, and this run's is {shape}", where=path)
        for name, parameter in parameters.items():
            parameter.set_data(Tensor(stored.get_tensor(name)))


def write_state(folder: Path, state: Mapping[str, Any]) -> None:
    """Write `state.json`."""
    write_json(folder / STATE, state)


def read_state(folder: Path) -> dict[str, Any]:
    """The content of `state.json`.

    Raises:
        CheckpointError: It cannot be read.
    """
    try:
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{STATE} cannot be read: {error}", where=folder) from None
    return dict(state)


def model_config(
    fields: Mapping[str, Any], *, family: str, labels: list[str], head: Mapping[str, Any], task: Mapping[str, Any]
) -> dict[str, Any]:
    """A `config.json`: the model's fields, label names by id, what the head is, and what the task learnt.

    Args:
        fields: The model's options.
        family: The model's name, Hugging Face's `model_type`.
        labels: Label names in the order of their ids.
        head: What else `transformers` asks about the head.
        task: Name, options and state of the task, under the key `bertrun`.
    """
    named = {
        "id2label": {str(index): label for index, label in enumerate(labels)},
        "label2id": {label: index for index, label in enumerate(labels)},
    }
    return {"model_type": family, **fields, **(named if labels else {}), **head, "bertrun": dict(task)}
