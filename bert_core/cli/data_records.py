"""`bertrun data convert` and `bertrun data show`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bert_core.datasets.options import ConvertOptions, ShowOptions
from bert_core.errors import UsageError
from bert_core.interrupt import ctrl_c_later

from .task_command import FILE, Job, TaskCommand

if TYPE_CHECKING:
    from bert_core.data.records import Format

FORMATS: tuple[Format, ...] = ("tfrecord", "mindrecord")
CONVERT = """Write TFRecord or MindRecord.

SOURCE is a task's data, or records (a file, a folder or a glob) in another format or under other names. TARGET is a
file that is not there yet. Beside TFRecords comes their schema file, and beside a task's records labels.txt, whose
order is that of the ids; with --label-file ids are as that file says. --begin and --end write a part of the examples.

\b
Examples:
  bertrun data convert --task ner train.conll data/train.tfrecord --weights minilm-l6
  bertrun data convert --task ner dev.conll data/dev.tfrecord --weights minilm-l6 --label-file data/labels.txt
  bertrun data convert data/train.tfrecord data/train.mindrecord
"""
SHOW = """Print some records, with ids of pieces as pieces where a vocabulary is given; or a task's data as JSON lines.

\b
Examples:
  bertrun data show data/train.tfrecord --weights minilm-l6
  bertrun data show --task ner train.conll --start 100 --count 1
"""


def convert(job: Job) -> None:
    """Write records."""
    with ctrl_c_later():
        from bert_core.datasets.conversion import Target, convert_examples, convert_records
    from bert_core.datasets.reading import of_records, open_source, open_vocabulary
    from bert_core.recorded import Reader, as_record_task

    source, path = job.arguments["source"], job.arguments["target"]
    target = Target(path=path, format=job.own.to or _format_of(path), names=job.own.names)
    target.check_free()
    if of_records(source):
        return convert_records(open_source(source, job.own), target, click.echo)
    text = open_vocabulary(job.own, job.manager)
    if job.spec is None or text is None:
        missing = "--task, whose data it is," if job.spec is None else "--vocab or --weights"
        raise UsageError(f"text becomes records by {missing} and that is not said", where=source)
    task = as_record_task(job.spec.build(job.task, None), job.spec.name)
    reading = Reader(text=text).data(task, job.spec.name, source, "train")
    click.echo(f"{source}: {reading.summary}")
    for note in reading.notes:
        click.echo(f"{source}: {note}")
    task.learn(reading.examples)  # of all of them, so that parts have the same labels
    count = len(reading.examples)
    part = reading.examples[int(count * job.own.begin) : int(count * job.own.end)]
    return convert_examples(task, part, text, target, click.echo)


def show(job: Job) -> None:
    """Print records, or a task's examples."""
    with ctrl_c_later():
        from bert_core.datasets.showing import shown
    from bert_core.abilities import ShownTask
    from bert_core.datasets.reading import of_records, open_source, open_vocabulary
    from bert_core.text_files import read_text

    source, own = job.arguments["source"], job.own
    wanted = slice(own.start - 1, own.start - 1 + own.count)
    if of_records(source):
        records = open_source(source, own)
        for line in shown(records, range(len(records))[wanted], open_vocabulary(own, job.manager)):
            click.echo(line)
        return
    if job.spec is None:
        raise UsageError("this is text, and nothing says whose", where=source, hint="Say --task")
    task = job.spec.build(job.task, None)
    reading = read_text(task, source, "train")
    task.learn(reading.examples)
    for example in reading.examples[wanted]:
        row = task.shown(example) if isinstance(task, ShownTask) else task.render(example, task.reference(example))
        click.echo(json.dumps(row, ensure_ascii=False))


def _format_of(path: Path) -> Format:
    """What a file's name says.

    Raises:
        UsageError: Nothing.
    """
    name = path.name.lower().replace("_", "")
    found: list[Format] = [one for one in FORMATS if one in name]
    if len(found) != 1:
        raise UsageError("the name does not say which records it is to hold", where=path, hint="Say --to")
    return found[0]


CONVERT_COMMAND = TaskCommand(
    "convert",
    own=ConvertOptions,
    arguments=[click.Argument(["source"], type=FILE), click.Argument(["target"], type=FILE)],
    work=convert,
    help=CONVERT,
    short_help="Write TFRecord or MindRecord.",
)
SHOW_COMMAND = TaskCommand(
    "show",
    own=ShowOptions,
    arguments=[click.Argument(["source"], type=FILE)],
    work=show,
    help=SHOW,
    short_help="Print records or examples.",
)
