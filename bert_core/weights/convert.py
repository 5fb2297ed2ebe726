"""Weights of one world, written as those of another."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from bert_core.errors import CheckpointError, UsageError
from bert_core.files import write_json
from bert_core.text.tokenizer import WordPiece

from .formats.mindspore_ckpt import write_ckpt
from .formats.safetensors_writer import write_safetensors
from .names import google, huggingface, modelzoo
from .names.change import SAME, ChangeError
from .names.table import TELLS, Link, NameTable
from .opened import MODELZOO, TEXT, Weights
from .vocabulary import has_vocabulary, vocabulary

Target = Literal["hf", "modelzoo", "tf-names"]
_LENGTH = 512  # pieces of a text, where no configuration says how many positions there are
TARGETS: tuple[Target, ...] = ("hf", "modelzoo", "tf-names")
_CLASSIFIER = "classifier.bias"


def convert(weights: Weights, destination: Path, target: Target, say: Callable[[str], None]) -> None:
    """Write a folder of weights under the names of another world, with its configuration and its vocabulary.

    Values are exact: float32 stays what it is, and half and bfloat16 numbers are float32 numbers too.

    Args:
        weights: What is converted.
        destination: The folder, which does not exist yet or is empty.
        target: `hf`: `model.safetensors` under Hugging Face's names, of BERT or of NEZHA. `modelzoo`: `bert.ckpt` as
            MindSpore's ModelZoo reads it. `tf-names`: `model.safetensors` under the names and in the layouts of
            Google's TensorFlow code.
        say: Told of each thing that is left aside, and what else there is to know.

    Raises:
        UsageError: The folder holds something.
        CheckpointError: A tensor has no name in that world, or the vocabulary is not that of these weights.
    """
    weights.check_names()
    if destination.exists() and not (destination.is_dir() and not any(destination.iterdir())):
        raise UsageError("this is there already", where=destination, hint="Name a folder that is not there yet")
    beside = vocabulary(weights)
    if beside.is_wrong:
        hint = "Put the vocab.txt beside them that they were trained with, or take it away"
        raise CheckpointError(f"the vocabulary cannot be used: {beside.line}", where=weights.path, hint=hint)
    table = _table(weights, target)
    say(f"vocabulary: {beside.line}")
    for note in _notes(weights, table):
        say(f"note: {note}")
    for line in left_aside(weights):
        say(line)
    partial = destination.with_name(f".{destination.name}.new")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        _write(weights, partial, table)
        os.replace(partial, destination)
    except OSError as error:
        raise CheckpointError(f"cannot write it: {error.strerror}", where=destination) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def left_aside(weights: Weights) -> Iterator[str]:
    """A line for each reason for which tensors are left aside."""
    reasons: dict[str, list[str]] = {}
    for name, dropped in weights.dropped.items():
        reasons.setdefault(dropped.reason, []).append(name)
    for reason, names in reasons.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield f"left aside: {names[0]}{more}: {reason}"


def _write(weights: Weights, folder: Path, table: NameTable | None) -> None:
    """The folder's files; where there is no table, under our names, which are Hugging Face's."""
    _write_text(weights, folder)
    write_json(folder / "config.json", _config(weights))
    if table is None:
        tensors = ((name, weights.tensor(name)) for name in weights.tensors)
        write_safetensors(folder / "model.safetensors", weights.shapes(), tensors)
        return
    links = _links(weights, table)
    if table in modelzoo.TABLES:
        write_ckpt(folder / "bert.ckpt", _foreign(weights, links))
    else:
        shapes = {link.foreign: _shape(weights, link) for link in links}
        write_safetensors(folder / "model.safetensors", shapes, _foreign(weights, links))


def _config(weights: Weights) -> dict[str, Any]:
    """The configuration; it counts the labels of a classifier, of which transformers would else expect two."""
    config = dict(weights.config)
    if _CLASSIFIER in weights.tensors and not {"num_labels", "id2label"} & config.keys():
        config["num_labels"] = weights.tensors[_CLASSIFIER].shape[0]
    return config


def _learned(weights: Weights) -> bool:
    """Whether they are of a NEZHA whose relative positions are learned."""
    return any(name.endswith(huggingface.RELATIVE.rpartition("{i}")[2]) for name in weights.tensors)


def _write_text(weights: Weights, folder: Path) -> None:
    """What says how text becomes pieces; where nothing says the casing, as the pieces look."""
    for name in TEXT:
        if (weights.folder / name).is_file():
            shutil.copyfile(weights.folder / name, folder / name)
    if _says_no_casing(weights):
        length = int(weights.config.get("max_position_embeddings", _LENGTH))
        WordPiece.from_folder(weights.folder, max_length=length).save(folder)


def _says_no_casing(weights: Weights) -> bool:
    return has_vocabulary(weights) and not (weights.folder / "tokenizer_config.json").exists()


def _notes(weights: Weights, table: NameTable | None) -> Iterator[str]:
    """What there is to know of what is read and of what is written."""
    yield from dict.fromkeys((*weights.notes, *(table.notes if table else ())))
    nezha = weights.config.get("model_type") == "nezha"
    if table is None and _learned(weights):
        yield "transformers has no model with learned relative positions: bertrun alone opens these"
    if table in modelzoo.TABLES and nezha and not _learned(weights):
        yield "the ModelZoo has no net whose relative positions are not learned: bertrun alone opens these"
    said = {name: weights.config.get(name, value) for name, value in MODELZOO.items()}
    if table in modelzoo.TABLES and said != MODELZOO:
        theirs, ours = (" and ".join(f"{name} {value}" for name, value in part.items()) for part in (MODELZOO, said))
        yield f"the ModelZoo's net computes with {theirs} whatever is said, and these weights have {ours}"
    if _says_no_casing(weights):
        yield "no tokenizer_config.json beside them: one is written, which says the casing that the pieces look of"


def _table(weights: Weights, target: Target) -> NameTable | None:
    """Of the ModelZoo's forms, the newest that has what these weights have; None for our own names."""
    if target == "hf":
        return huggingface.NEZHA if weights.config.get("model_type") == "nezha" and not _learned(weights) else None
    tables = google.TABLES if target == "tf-names" else modelzoo.TABLES
    found = next((table for table in tables if table.fits_ours(weights.tensors)), None)
    if found is None:
        missing = ", ".join(name for name in TELLS if name not in weights.tensors)
        stored = ", ".join(ascii(name) for name in [*weights.tensors][:4])
        what = f"these are not the weights of a BERT, which has {missing}"
        raise CheckpointError(what, where=weights.path, hint=f"What there is: {stored or 'nothing'}")
    return found


def _links(weights: Weights, table: NameTable) -> tuple[Link, ...]:
    translation = table.translate_back(weights.tensors)
    if table in huggingface.TABLES:  # a head beyond those of the table is called what its task calls it
        return (*translation.links, *(Link(name, (name,), SAME) for name in translation.unknown))
    if translation.unknown:
        shown = ", ".join(ascii(name) for name in translation.unknown[:8])
        more = f" and {len(translation.unknown) - 8} more" if len(translation.unknown) > 8 else ""
        raise CheckpointError(
            f"{len(translation.unknown)} tensors have no name in {table.name}: {shown}{more}", where=weights.path
        )
    return translation.links


def _foreign(weights: Weights, links: tuple[Link, ...]) -> Iterator[tuple[str, NDArray[Any]]]:
    for link in links:
        try:
            yield link.foreign, link.change.to_foreign([weights.tensor(name) for name in link.ours])
        except ChangeError as error:
            raise CheckpointError(f"{', '.join(link.ours)}: {error}", where=weights.path) from None


def _shape(weights: Weights, link: Link) -> tuple[int, ...]:
    """The foreign shape; a change of layout is its own inverse where there is one tensor."""
    (name,) = link.ours
    return link.change.shapes(weights.tensors[name].shape)[0]
