"""Weights of whatever format, opened: their tensors under our names, their configuration, their folder."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bert_core.errors import CheckpointError

from .archive import Archive, Stored
from .config import NAMES, read_config
from .formats.mindspore_ckpt import MindsporeCkpt
from .formats.safetensors_file import SafetensorsFile
from .formats.sharded import ShardedSafetensors, ShardedTorchPickle
from .formats.tensorflow_bundle import TensorflowBundle
from .formats.torch_pickle import TorchPickle
from .names import huggingface, modelzoo
from .names.recognise import recognise as recognise_names
from .names.table import Dropped
from .names.translated import Translated
from .recognise import Format, inside, recognise
from .report import LoadReport, compare
from .sizes import sizes

_ARCHIVES: Mapping[Format, Callable[[Path], Archive]] = {
    "safetensors": SafetensorsFile,
    "safetensors-shards": ShardedSafetensors,
    "torch": TorchPickle,
    "torch-shards": ShardedTorchPickle,
    "tensorflow": TensorflowBundle,
    "mindspore": MindsporeCkpt,
}
_MAY_LACK_CONFIG = ("tensorflow", "mindspore")
# What the ModelZoo's net computes whatever its configuration says: GELU by tanh, and this epsilon.
MODELZOO = {"hidden_act": "gelu_new", "layer_norm_eps": 1e-7}
_OBJECT = "/.ATTRIBUTES/VARIABLE_VALUE"
_OF_OBJECTS = (
    "Such a name says where in a Python object a variable lay and not what it is. Load it with the code that saved it, "
    "and save the weights with save_pretrained() of transformers, or under Google's names with tf.compat.v1.train.Saver"
)
# What says how text becomes pieces; it lies beside the weights and travels with them.
TEXT = ("vocab.txt", "tokenizer_config.json", "tokenizer.json", "special_tokens_map.json")


class Weights:
    """Opened weights; their tensors are read when they are asked for.

    Attributes:
        path: The file of the tensors, for messages.
        folder: Where the configuration and the vocabulary lie.
        format: The format of the file.
        config: The fields of the configuration, under Hugging Face's names.
        notes: A sentence for each thing that was taken and not read, or does not mean here what it meant there.
        archive: The tensors as they are stored.
        table: The table of their names; None where they are those of no BERT that is known.
        tensors: What is stored, under our names.
        dropped: The stored names that are left aside, and why.
        unknown: The stored names that the table says nothing of; where they are Hugging Face's, none.
    """

    def __init__(self, path: Path) -> None:
        """Open a file, a folder, or the prefix of a TensorFlow checkpoint; no tensor is read.

        Raises:
            CheckpointError: There are no weights, or they are damaged, or in a format that is not read.
        """
        found = recognise(path)
        self.path, self.format = found.path, found.format
        self.folder = path if path.is_dir() else found.path.parent
        for name in TEXT:
            if (self.folder / name).exists():
                inside(self.folder, name)
        self.archive = _ARCHIVES[found.format](found.path)
        self.table = recognise_names(self.archive.tensors)
        self._translated = None if self.table is None else Translated(self.archive, self.table)
        self.dropped: Mapping[str, Dropped] = {}
        self.unknown: tuple[str, ...] = ()
        self.tensors: Mapping[str, Stored] = self._named()
        self.config, said = self._describe()
        self.notes = (*said, *(self.table.notes if self.table else ()))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each tensor; no tensor is read."""
        return {name: stored.shape for name, stored in self.tensors.items()}

    def tensor(self, name: str) -> NDArray[np.float32]:
        """One tensor, as float32.

        Raises:
            CheckpointError: There is none of that name, it holds no floating-point numbers, or it is damaged.
        """
        if name not in self.tensors:
            raise CheckpointError(f"there is no tensor {name!r}", where=self.path)
        if self._translated is not None and name in self._translated.tensors:
            return self._translated.read(name)
        return self.archive.read(name)

    def check_names(self) -> None:
        """Refuse weights with tensors that no table knows, or whose copies of tied tensors differ.

        Raises:
            CheckpointError: There are such.
        """
        if stranger := self._stranger():
            raise CheckpointError(stranger, where=self.path, hint=self._way_out())
        if self.unknown and self.table is not None:
            shown = ", ".join(ascii(name) for name in self.unknown[:8])
            more = f" and {len(self.unknown) - 8} more" if len(self.unknown) > 8 else ""
            what = f"{len(self.unknown)} tensors have names that {self.table.name} does not have: {shown}{more}"
            raise CheckpointError(what, where=self.path, hint="Convert what you need of them with the tool they are of")
        if self._translated is not None:
            self._translated.check_copies()

    def match(
        self,
        wanted: Mapping[str, tuple[int, ...]],
        *,
        required: Collection[str],
        head: Collection[str] = (),
        other: Collection[str] = (),
        wanted_by: str | Path = "the model",
    ) -> LoadReport:
        """What of these weights goes where in a model.

        Args:
            wanted: The shape of each parameter of the model by its name.
            required: The wanted names without which the weights are not those of this model.
            head: Wanted names that may be stored in another shape, where they are not required.
            other: Wanted names under which something else is stored: a head of other labels.
            wanted_by: Where the wanted shapes come from, for messages: a file or an option.

        Raises:
            CheckpointError: A stored tensor has a name that no table knows.
        """
        self.check_names()
        return compare(
            self.shapes(),
            wanted,
            required=frozenset(required),
            head=frozenset(head),
            other=frozenset(other),
            stored_in=self.path,
            wanted_by=str(wanted_by),
        )

    def _named(self) -> dict[str, Stored]:
        if self._translated is None:
            return dict(self.archive.tensors)
        translation = self._translated.translation
        self.dropped, named = translation.dropped, dict(self._translated.tensors)
        if self.table not in huggingface.TABLES:
            self.unknown = translation.unknown
            return named
        for name in translation.unknown:  # a head beyond those of the table is called what its task calls it
            if name in named:
                raise CheckpointError(f"two tensors are the parameter {name}", where=self.path)
            named[name] = self.archive.tensors[name]
        return named

    def _describe(self) -> tuple[Mapping[str, Any], tuple[str, ...]]:
        """The configuration, from its file or from the tensors."""
        told, read_off = read_config(self.folder), sizes(self.shapes())
        if told is not None:
            return {"model_type": read_off.get("model_type", "bert"), **told}, ()
        if self.format not in _MAY_LACK_CONFIG:
            hint = f"It says how many attention heads there are, as no tensor does: put theirs beside {self.path.name}"
            raise CheckpointError(f"there is no {' or '.join(NAMES)}", where=self.folder, hint=hint)
        if not read_off:
            stranger = self._stranger()
            return {}, () if stranger is None else (f"{stranger}. {self._way_out()}",)
        heads = read_off["num_attention_heads"]
        note = (
            f"no {NAMES[0]}: sizes were read off the tensors, and num_attention_heads {heads} is taken; "
            f"--num-attention-heads, or a {NAMES[0]} beside them, says otherwise"
        )
        return {**read_off, **(MODELZOO if self._is_modelzoo() else {})}, (note,)

    def _stranger(self) -> str | None:
        """A sentence where the names are of no BERT, and of a format in which a name cannot mean itself."""
        if self.table is not None or self.format not in _MAY_LACK_CONFIG:
            return None
        names = sorted(self.archive.tensors, key=lambda name: name.startswith("_"))
        kind = "TensorFlow 2's objects" if self._is_of_objects() else "no BERT that bertrun knows"
        return f"its {len(names)} tensors have the names of {kind}, such as {names[0]!a}"

    def _way_out(self) -> str:
        return _OF_OBJECTS if self._is_of_objects() else "Convert it with the tool that it is of"

    def _is_of_objects(self) -> bool:
        return any(name.endswith(_OBJECT) for name in self.archive.tensors)

    def _is_modelzoo(self) -> bool:
        return self.table is not None and self.table in modelzoo.TABLES


def config_of(path: Path) -> Mapping[str, Any]:
    """The configuration of weights, or what can be had of it where they cannot be opened (loading says why)."""
    try:
        return Weights(path).config
    except CheckpointError:
        pass
    try:
        return read_config(path) or {}
    except CheckpointError:
        return {}
