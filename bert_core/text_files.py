"""Text to train on that lies in several files: a folder, or what a glob finds."""

from __future__ import annotations

import glob
from dataclasses import replace
from pathlib import Path

from .errors import DataError
from .protocols import Task
from .types import Reading, Split

_BESIDE = ("labels.txt", "readme", "license")  # how the names of files begin that lie beside data


def read_text(task: Task, source: Path | None, split: Split) -> Reading:
    """A task's examples from a file; to train on also from a folder or a glob, in the order of the files' names.

    Args:
        task: The task.
        source: What is named; None for the task's sample.
        split: What it is for. What is scored with is one file, since scores are of one.

    Raises:
        DataError: A file cannot be read, or there is none.
    """
    if source is None or split != "train" or source.is_file():
        return task.read(source, split)
    if source.is_dir():
        files = [path for path in source.iterdir() if path.is_file() and _is_data(path)]
    elif not source.exists() and glob.has_magic(str(source)):
        files = [path for path in map(Path, glob.glob(str(source), recursive=True)) if path.is_file()]
    else:
        return task.read(source, split)
    if not files:
        nothing = "there is no file of data in this folder" if source.is_dir() else "no file has such a name"
        raise DataError(nothing, where=source)
    return _joined({path: task.read(path, split) for path in sorted(files)})


def _is_data(path: Path) -> bool:
    return not path.name.startswith(".") and not path.name.lower().startswith(_BESIDE)


def _joined(readings: dict[Path, Reading]) -> Reading:
    if len(readings) == 1:
        ((path, reading),) = readings.items()
        return replace(reading, files=(path,))
    examples = [example for reading in readings.values() for example in reading.examples]
    return Reading(
        examples=tuple(examples),
        summary=f"{len(examples):,} examples of {len(readings)} files",
        notes=tuple(
            f"{path.name}: {line}" for path, reading in readings.items() for line in (reading.summary, *reading.notes)
        ),
        files=tuple(readings),
        faults=tuple(fault for reading in readings.values() for fault in reading.faults),
    )
