"""A task's examples and a tokenizer, without a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bert_core.assembly import open_weights
from bert_core.errors import UsageError
from bert_core.manager import PluginManager
from bert_core.protocols import InspectedTask
from bert_core.text.tokenizer import WordPiece
from bert_core.types import TaskSpec

from .inspection import Part, facts
from .options import TextOptions


def open_vocabulary(options: TextOptions, manager: PluginManager) -> WordPiece | None:
    """The tokenizer that was named; None where none was.

    Raises:
        CheckpointError: It cannot be opened.
        UsageError: Two were named.
    """
    if options.vocab is not None and options.weights is not None:
        raise UsageError("--vocab and --weights both name a vocabulary", hint="Leave one of them out")
    if options.vocab is not None:
        return WordPiece.from_vocab(options.vocab, lowercase=options.lowercase, max_length=options.max_length)
    if options.weights is not None:
        return WordPiece.from_folder(open_weights(options.weights, manager).folder, max_length=options.max_length)
    return None


def read_parts(spec: TaskSpec, options: Any, paths: Sequence[Path], say: Callable[[str], None]) -> list[Part]:
    """The examples of each file; the labels of one bind no other.

    Raises:
        DataError: A file cannot be read as data of the task.
        UsageError: The task cannot be asked about its examples.
    """
    parts: list[Part] = []
    for path in paths:
        task = spec.build(options, None)
        if not isinstance(task, InspectedTask):
            raise UsageError(f"the task '{spec.name}' does not tell what is in its examples")
        reading = task.read(path, "train")
        for line in (reading.summary, *reading.notes):
            say(f"{path}: {line}")
        parts.append(Part(path, facts(task, reading.examples)))
    return parts
