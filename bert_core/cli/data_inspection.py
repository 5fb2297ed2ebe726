"""`bertrun data check` and `bertrun data stats`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bert_core.counted import counted
from bert_core.datasets.options import InspectionOptions
from bert_core.errors import DataError
from bert_core.interrupt import ctrl_c_later

from .task_command import FILE, Job, TaskCommand

CHECK = """Look for what would make training or scores wrong: texts that are empty, come twice with two labels, or are
both in the data to train on and in that to score with; labels that only the latter has; and annotations that are not
where they are said to be. Exit code 4 where there is such.

TRAIN is what is trained on, each OTHER what is scored with. Given a vocabulary, texts that are longer than --max-length
are counted too.

Without --task, records are looked at alone: checksums, columns and, given a vocabulary, ids of pieces.

\b
Example:
  bertrun data check --task ner train.conll dev.conll --weights minilm-l6
"""
STATS = """Count examples, labels, characters and, given a vocabulary, pieces; without --task, records.

\b
Example:
  bertrun data stats --task ner train.conll --vocab vocab.txt
"""


def check(job: Job) -> None:
    """Print what was found; raise where it matters."""
    paths = [job.arguments["train"], *job.arguments["other"]]
    if job.spec is None and all(map(_of_records, paths)):
        return _check_records(job)
    return _check_examples(job)


def _check_records(job: Job) -> None:
    from bert_core.data.checks import check_columns
    from bert_core.datasets.reading import open_source, open_vocabulary

    text = open_vocabulary(job.own, job.manager)
    for path in [job.arguments["train"], *job.arguments["other"]]:
        records = open_source(path, job.own)
        check_columns(records, list(records.columns.values()), vocab_size=None if text is None else text.vocab_size)
        for note in records.notes:
            click.echo(f"{path}: {note}")
        whole = f"{counted(len(records), 'record')} {'is' if len(records) == 1 else 'are'} whole"
        click.echo(f"{path}: {whole}, with {', '.join(map(str, records.columns.values()))}")


def _check_examples(job: Job) -> None:
    with ctrl_c_later():  # NumPy starts threads
        from bert_core.datasets.inspection import findings, lengths, truncated
    from bert_core.datasets.reading import open_vocabulary, read_parts

    text = open_vocabulary(job.own, job.manager)
    paths = [job.arguments["train"], *job.arguments["other"]]
    parts = read_parts(job.named, job.task, paths, text, _unsaid if job.own.json else click.echo)
    found = list(findings(parts))
    if text is not None:
        found += [item for part in parts for item in truncated(part, lengths(part.facts, text), text.max_length)]
    matters = [item for item in found if item.matters]
    if job.own.json:
        click.echo(json.dumps([vars(item) for item in found], ensure_ascii=False))
    else:
        for item in found:
            click.echo(item.line())
        click.echo(f"problems: {len(matters)}, notes: {len(found) - len(matters)}")
    if matters:
        kinds = ", ".join(dict.fromkeys(item.kind for item in matters))
        raise DataError(f"this data has problems: {kinds}", where=paths[0])


def stats(job: Job) -> None:
    """Print the figures of each file."""
    if job.spec is None and all(map(_of_records, job.arguments["files"])):
        return _count_records(job)
    return _count_examples(job)


def _count_records(job: Job) -> None:
    from bert_core.datasets.inspection import record_statistics
    from bert_core.datasets.reading import open_source

    for path in job.arguments["files"]:
        records = open_source(path, job.own)
        if not job.own.json:
            click.echo(f"{path}: {counted(len(records), 'record')}")
        _print(job, path, record_statistics(records))


def _count_examples(job: Job) -> None:
    with ctrl_c_later():
        from bert_core.datasets.inspection import lengths, statistics
    from bert_core.datasets.reading import open_vocabulary, read_parts

    text = open_vocabulary(job.own, job.manager)
    say = _unsaid if job.own.json else click.echo
    for part in read_parts(job.named, job.task, job.arguments["files"], text, say):
        _print(job, part.path, statistics(part.facts, None if text is None else lengths(part.facts, text)))


def _of_records(path: Path) -> bool:
    with ctrl_c_later():  # NumPy starts threads
        from bert_core.datasets.reading import of_records
    return of_records(path)


def _print(job: Job, path: Path, found: Mapping[str, Any]) -> None:
    if job.own.json:
        click.echo(json.dumps({"file": str(path), **found}, ensure_ascii=False))
    else:
        _table(found)


def _unsaid(line: str) -> None:
    """Drop what a person would be told."""


def _table(found: Mapping[str, Any]) -> None:
    """Counts in lines, those of labels and of lengths under their heads."""
    for name, value in found.items():
        if not isinstance(value, dict):
            click.echo(f"{name}: {value:,}")
            continue
        click.echo(f"{name}:")
        width = max(map(len, value), default=0)
        for key, number in value.items():
            shown = f"{number:,}" if isinstance(number, (int, float)) else number
            click.echo(f"  {key:<{width}}  {shown:>10}")


CHECK_COMMAND = TaskCommand(
    "check",
    own=InspectionOptions,
    arguments=[click.Argument(["train"], type=FILE), click.Argument(["other"], type=FILE, nargs=-1)],
    work=check,
    help=CHECK,
    short_help="Look for what would make training or scores wrong.",
)
STATS_COMMAND = TaskCommand(
    "stats",
    own=InspectionOptions,
    arguments=[click.Argument(["files"], type=FILE, nargs=-1, required=True)],
    work=stats,
    help=STATS,
    short_help="Count examples, labels and lengths.",
)
