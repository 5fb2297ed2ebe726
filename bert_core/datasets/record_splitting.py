"""Records cut into parts at random, alike ones on one side."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from bert_core.data.bad_records import BadRecords
from bert_core.data.columns import Row
from bert_core.data.records import Records, open_records
from bert_core.data.schema import Schema
from bert_core.errors import UsageError
from bert_core.files import write_text

from .conversion import LABELS, Target, check_labels, rows_of, schema_beside
from .splitting import part_of

_TEXT = ("input_ids", "token_type_ids")  # columns that say what text a record is of


def split_records(
    source: Path, folder: Path | None, into: Mapping[str, float], *, seed: int, on_bad: BadRecords | None = None
) -> dict[Path, int]:
    """Write each part beside the others, in the records' order, format and names of columns.

    Where a record goes is decided by its pieces and the seed (of records without pieces by all columns), so that the
    same pieces do not leak from one part into another, whatever their labels. Beside TFRecords come their schemas. A
    label file that lies beside the records is put beside the parts too.

    Args:
        source: A file, a folder or a glob. A schema beside a file, as `bertrun data convert` writes it, is honoured.
        folder: Where the parts go; None is the file's own.
        into: The share of each part by its name.
        seed: Any whole number.
        on_bad: What is done about records that cannot be read; None refuses them.

    Returns:
        How many records each part has, by its file.

    Raises:
        DataError: The records cannot be read, are damaged, or the parts cannot be written; nothing is left.
        UsageError: A part is there already, or nothing says where the parts of many files go.
    """
    folder = _beside(source) if folder is None else folder
    records = _opened(source, on_bad)
    targets = {name: _target(folder / f"{name}.{records.format}", records) for name in into}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"the parts cannot be written: {error.strerror}", where=folder) from None
    for target in targets.values():
        _check_free(target)
    labels = _labels(source)
    check_labels(folder / LABELS, labels)
    columns = list(records.columns.values())
    with ExitStack() as stack:
        writers = {name: stack.enter_context(target.opened(columns)) for name, target in targets.items()}
        for row in rows_of(records):
            writers[part_of(_content(row), into, seed)].write(row)
    if labels:
        write_text(folder / LABELS, labels)
    return {targets[name].path: writer.count for name, writer in writers.items()}


def _beside(source: Path) -> Path:
    if not source.is_file():
        raise UsageError("nothing says where the parts of these files go", where=source, hint="Say --output")
    return source.parent


def _opened(source: Path, on_bad: BadRecords | None) -> Records:
    path = schema_beside(source)
    schema = Schema.read(path) if source.is_file() and path.is_file() else None
    return open_records(source, schema=schema, on_bad=on_bad)


def _target(path: Path, records: Records) -> Target:
    return Target(path=path, format=records.format, names=records.stored)


def _check_free(target: Target) -> None:
    try:
        target.check_free()
    except UsageError as error:
        raise UsageError(error.what, where=error.where, hint="Name another --output") from None


def _labels(source: Path) -> str:
    folder = source if source.is_dir() else source.parent
    path = folder / LABELS
    if glob.has_magic(str(folder)) or not path.is_file():
        return ""
    return path.read_text(encoding="utf-8")


def _content(row: Row) -> bytes:
    """What decides, the same in both formats: TFRecords have no int32."""
    names = [name for name in _TEXT if name in row] or sorted(row)
    values = [row[name] for name in names]
    return b";".join(one.astype(one.dtype if one.dtype.kind == "f" else "int64").tobytes() for one in values)
