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

from .formats.mindspore_ckpt import write_ckpt
from .formats.safetensors_writer import write_safetensors
from .names import google, modelzoo
from .names.change import ChangeError
from .names.table import Link, NameTable
from .opened import Weights

Target = Literal["hf", "modelzoo", "tf-names"]
TARGETS: tuple[Target, ...] = ("hf", "modelzoo", "tf-names")
# What says how text becomes pieces travels with the weights.
_TEXT = ("vocab.txt", "tokenizer_config.json", "tokenizer.json", "special_tokens_map.json")


def convert(weights: Weights, destination: Path, target: Target, say: Callable[[str], None]) -> None:
    """Write a folder of weights under the names of another world, with its configuration and its vocabulary.

    Values are exact: float32 stays what it is, and half and bfloat16 numbers are float32 numbers too.

    Args:
        weights: What is converted.
        destination: The folder, which does not exist yet or is empty.
        target: `hf`: `model.safetensors` under Hugging Face's names. `modelzoo`: `bert.ckpt` as MindSpore's
            ModelZoo reads it. `tf-names`: `model.safetensors` under the names and in the layouts of Google's
            TensorFlow code.
        say: Told of each thing that is left aside, and what else there is to know.

    Raises:
        UsageError: The folder holds something.
        CheckpointError: A tensor has no name in that world.
    """
    weights.check_names()
    if destination.exists() and not (destination.is_dir() and not any(destination.iterdir())):
        raise UsageError("this is there already", where=destination, hint="Name a folder that is not there yet")
    table = _table(weights, target)
    for note in dict.fromkeys((*weights.notes, *(table.notes if table else ()))):
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
    for name in _TEXT:
        if (weights.folder / name).is_file():
            shutil.copyfile(weights.folder / name, folder / name)
    write_json(folder / "config.json", dict(weights.config))
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


def _table(weights: Weights, target: Target) -> NameTable | None:
    """Of the ModelZoo's forms, the newest that has what these weights have."""
    if target == "hf":
        return None
    if target == "tf-names":
        return google.TABLE
    return next(table for table in modelzoo.TABLES if table.fits_ours(weights.tensors))


def _links(weights: Weights, table: NameTable) -> tuple[Link, ...]:
    translation = table.translate_back(weights.tensors)
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
