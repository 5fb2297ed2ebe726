"""A folder of weights in Hugging Face layout: `config.json` and `model.safetensors`."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bert_core.errors import CheckpointError

from .formats.safetensors_file import SafetensorsFile
from .report import LoadReport, compare

CONFIG, TENSORS = "config.json", "model.safetensors"

_CONFIG_LIMIT = 4 << 20  # bytes; a label set of a hundred thousand names fits
_POSITIVE = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
    "type_vocab_size",
)
# What changes the algorithm, and the only value that is BERT's.
_SAME = {"position_embedding_type": "absolute", "is_decoder": False, "add_cross_attention": False}
_OTHER_FORMATS = {
    "model.safetensors.index.json": "several model-*.safetensors files",
    "pytorch_model.bin": "a PyTorch pickle",
    "pytorch_model.bin.index.json": "several PyTorch pickles",
    "tf_model.h5": "a Keras file",
    "flax_model.msgpack": "a Flax file",
    "bert_model.ckpt.index": "a TensorFlow checkpoint",
}


class WeightsFolder:
    """An opened folder; its tensors are read when they are asked for.

    Attributes:
        path: The folder.
        config: What `config.json` says, its sizes checked.
    """

    def __init__(self, path: Path, config: Mapping[str, Any], tensors: SafetensorsFile) -> None:
        self.path = path
        self.config = config
        self._tensors = tensors

    @classmethod
    def open(cls, path: Path) -> WeightsFolder:
        """Open a folder; the path itself may be a link, its files may not lead out of it.

        Raises:
            CheckpointError: A file is missing, damaged, of another format, or a link out of the folder.
        """
        if not path.is_dir():
            raise CheckpointError("there is no such folder of weights", where=path)
        config = _read_config(_inside(path, CONFIG))
        if not (path / TENSORS).exists():
            raise _no_tensors(path)
        return cls(path, config, SafetensorsFile(_inside(path, TENSORS)))

    def names(self) -> tuple[str, ...]:
        """The names of the tensors as they are stored."""
        return tuple(self._tensors.tensors)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each tensor by its stored name; no tensor is read."""
        return {name: entry.shape for name, entry in self._tensors.tensors.items()}

    def tensor(self, name: str) -> NDArray[np.float32]:
        """One tensor by its stored name, as float32.

        Raises:
            CheckpointError: There is none of that name, or it holds no floating-point numbers.
        """
        if name not in self._tensors.tensors:
            raise CheckpointError(f"there is no tensor {name!r}", where=self._tensors.path)
        return self._tensors.read(name)

    def match(
        self,
        wanted: Mapping[str, tuple[int, ...]],
        *,
        prefix: str,
        required: Collection[str],
        head: Collection[str] = (),
        ignorable: Collection[str] = (),
        other: Collection[str] = (),
        wanted_by: str | Path = "the model",
    ) -> LoadReport:
        """What of these weights goes where in a model.

        Names are found with or without the prefix of the encoder, and with the `gamma` and `beta` that
        LayerNorm's parameters were once called.

        Args:
            wanted: The shape of each parameter of the model by its name.
            prefix: What the encoder's names begin with, such as `bert.`.
            required: The wanted names without which the weights are not those of this model.
            ignorable: Names that are no weights and need no mention, such as `bert.embeddings.position_ids`.
            head: Wanted names that may be stored in another shape, where they are not required.
            other: Wanted names under which something else is stored: a head of other labels.
            wanted_by: Where the wanted shapes come from, for messages: a file or an option.

        Raises:
            CheckpointError: Two stored tensors are the same parameter.
        """
        return compare(
            self.shapes(),
            wanted,
            prefix=prefix,
            required=frozenset(required),
            head=frozenset(head),
            ignorable=ignorable,
            other=frozenset(other),
            stored_in=self._tensors.path,
            wanted_by=str(wanted_by),
        )


def _inside(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        hint = "Copy the folder with its links followed: cp -rL"
        raise CheckpointError(f"it is a link that leaves the folder, to {path.resolve()}", where=path, hint=hint)
    return path


def _no_tensors(folder: Path) -> CheckpointError:
    for name, kind in _OTHER_FORMATS.items():
        if (folder / name).exists():
            hint = "Save the model as one file: model.save_pretrained(FOLDER, max_shard_size='100GB') in transformers"
            return CheckpointError(
                f"there is no {TENSORS}; {name} is {kind}, which is not read", where=folder, hint=hint
            )
    return CheckpointError(f"there is no {TENSORS}", where=folder, hint="Is it a folder in Hugging Face layout?")


def _read_config(path: Path) -> Mapping[str, Any]:
    try:
        if not path.is_file() or path.stat().st_size > _CONFIG_LIMIT:
            what = f"there is no such file, or it is no file of up to {_CONFIG_LIMIT} bytes"
            raise CheckpointError(what, where=path, hint="Is it a folder in Hugging Face layout?")
        config = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise CheckpointError(f"cannot read it: {error.strerror}", where=path) from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"it is not JSON ({error})", where=path) from error
    if not isinstance(config, dict):
        raise CheckpointError(f"it holds a JSON {type(config).__name__} where an object belongs", where=path)
    for name in _POSITIVE:
        size = config.get(name, 1)
        if type(size) is not int or size < 1:
            raise CheckpointError(f"{name} is {size!r}, and a positive whole number was expected", where=path)
    for name, ours in _SAME.items():
        if config.get(name, ours) != ours:
            raise CheckpointError(f"{name} is {config[name]!r}, and this encoder has {ours!r} only", where=path)
    return config
