"""A task's examples and a tokenizer, without a run."""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bert_core.abilities import InspectedTask
from bert_core.assembly import open_weights
from bert_core.data.bad_records import BadRecords
from bert_core.data.records import Records, is_records, open_records
from bert_core.data.schema import Schema
from bert_core.errors import DataError, UsageError
from bert_core.manager import PluginManager
from bert_core.recorded import Reader
from bert_core.text.tokenizer import WordPiece
from bert_core.text_files import read_text
from bert_core.types import Reading, TaskSpec

from .inspection import Part, facts
from .options import RecordOptions, TextOptions


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


def _read(spec: TaskSpec, task: Any, path: Path, text: WordPiece | None) -> Reading:
    if text is not None:
        return Reader(text=text).data(task, spec.name, path, "train")
    if is_records(path):
        raise UsageError(
            "records hold ids of pieces", where=path, hint="Say --vocab, or --weights with their vocabulary"
        )
    return read_text(task, path, "train")


def read_parts(
    spec: TaskSpec, options: Any, paths: Sequence[Path], text: WordPiece | None, say: Callable[[str], None]
) -> list[Part]:
    """The examples of each file, or of records; the labels of one bind no other.

    Raises:
        DataError: A file cannot be read as data of the task.
        UsageError: The task cannot be asked about its examples.
    """
    parts: list[Part] = []
    for path in paths:
        task = spec.build(options, None)
        if not isinstance(task, InspectedTask):
            raise UsageError(f"the task '{spec.name}' does not tell what is in its examples")
        reading = _read(spec, task, path, text)
        for line in (reading.summary, *reading.notes):
            say(f"{path}: {line}")
        parts.append(Part(path, facts(task, reading.examples), reading.faults))
    return parts


def of_records(source: Path) -> bool:
    """Whether a source is of records and no text.

    Raises:
        DataError: There is nothing of that name.
    """
    if not source.exists() and not glob.has_magic(str(source)):
        raise DataError("there is no such file or folder", where=source)
    return is_records(source)


def open_source(source: Path, options: RecordOptions) -> Records:
    """The records that are named.

    Raises:
        DataError: There are none, or they are damaged.
        UsageError: `--on-bad-record` says nothing known.
    """
    schema = None if options.schema is None else Schema.read(options.schema)
    return open_records(source, schema=schema, on_bad=BadRecords.parse(options.on_bad_record))
