"""`bertrun data`: what is in data, what is wrong with it, and other forms of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from bert_core.datasets.options import ConvertOptions, InspectionOptions, ShowOptions
from bert_core.errors import DataError, UsageError
from bert_core.interrupt import ctrl_c_later

from .state import State
from .task_command import Job, TaskCommand

if TYPE_CHECKING:
    from bert_core.datasets.conversion import Format
    from bert_core.datasets.splitting import Unit

FILE = click.Path(path_type=Path)
FORMATS: tuple[Format, ...] = ("tfrecord", "mindrecord")
CONVERT = """Write TFRecord or MindRecord.

SOURCE is a task's data, or records (a file, a folder or a glob) in another format or under other names. TARGET is a
file that is not there yet. Beside TFRecords comes their schema file, and beside a task's records labels.txt, whose
order is that of the ids; with --label-file ids are as that file says.

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
CHECK = """Look for what would make training or scores wrong: texts that are empty, come twice with two labels, or are
both in the data to train on and in that to score with; and labels that only the latter has. Exit code 4 where there is
such.

TRAIN is what is trained on, each OTHER what is scored with. Given a vocabulary, texts that are longer than --max-length
are counted too.

\b
Example:
  bertrun data check --task ner train.conll dev.conll --weights minilm-l6
"""
STATS = """Count examples, labels, characters and, given a vocabulary, pieces.

\b
Example:
  bertrun data stats --task ner train.conll --vocab vocab.txt
"""


class MountGroup(click.Group):
    """The host's commands, and those that plugins mount here: theirs are named `GROUP NAME`."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by its name."""
        if cmd_name in self.commands:
            return self.commands[cmd_name]
        mounted: click.Command | None = ctx.ensure_object(State).manager.command(f"{self._prefix}{cmd_name}")
        return mounted

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The host's commands, then the plugins'."""
        names = [str(command.name) for command, _ in ctx.ensure_object(State).manager.commands]
        return [
            *sorted(self.commands),
            *sorted({name.removeprefix(self._prefix) for name in names if name.startswith(self._prefix)}),
        ]

    @property
    def _prefix(self) -> str:
        return f"{self.name} "


@click.group("data", cls=MountGroup)
def data() -> None:
    """Data before a run: convert it, show it, check it, count it, split it."""


def check(job: Job) -> None:
    """Print what was found; raise where it matters."""
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
    with ctrl_c_later():
        from bert_core.datasets.inspection import lengths, statistics
    from bert_core.datasets.reading import open_vocabulary, read_parts

    text = open_vocabulary(job.own, job.manager)
    say = _unsaid if job.own.json else click.echo
    for part in read_parts(job.named, job.task, job.arguments["files"], text, say):
        found = statistics(part.facts, None if text is None else lengths(part.facts, text))
        if job.own.json:
            click.echo(json.dumps({"file": str(part.path), **found}, ensure_ascii=False))
        else:
            _table(found)


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
    task.learn(reading.examples)
    return convert_examples(task, reading.examples, text, target, click.echo)


def show(job: Job) -> None:
    """Print records, or a task's examples."""
    with ctrl_c_later():
        from bert_core.datasets.showing import shown
    from bert_core.datasets.reading import of_records, open_source, open_vocabulary

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
    reading = task.read(source, "train")
    task.learn(reading.examples)
    for example in reading.examples[wanted]:
        click.echo(json.dumps(task.render(example, task.reference(example)), ensure_ascii=False))


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
            click.echo(f"  {key:<{width}}  {number:>10,}")


@data.command("split")
@click.argument("file", type=FILE)
@click.option(
    "--into", default="train=0.8,dev=0.1,test=0.1", show_default=True, metavar="NAME=SHARE,...", help="Parts."
)
@click.option("--output", type=FILE, metavar="DIR", help="Default: the file's folder.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another one splits another way.")
@click.option(
    "--unit",
    type=click.Choice(["auto", "line", "block"]),
    default="auto",
    show_default=True,
    help="What stays together: a line, or lines up to an empty one, as in CoNLL columns.",
)
@click.option("--header", is_flag=True, help="The first line is a header, which every part gets.")
def split_file(file: Path, into: str, output: Path | None, seed: int, unit: str, header: bool) -> None:
    """Split a text file at random.

    What comes twice stays on one side, so that nothing leaks; therefore the shares are met about, not exactly. The
    parts keep the file's order and its ending.

    \b
    Example:
      bertrun data split all.conll --into train=0.9,dev=0.1 --output parts
    """
    from bert_core.datasets.splitting import shares, split, unit_of

    wanted, folder = shares(into), output or file.parent
    kind = unit_of(file) if unit == "auto" else cast("Unit", unit)
    for name, count in split(file, folder, wanted, seed=seed, unit=kind, header=header).items():
        click.echo(f"{folder / (name + file.suffix)}: {count:,} {kind}{'' if count == 1 else 's'}")


data.add_command(
    TaskCommand(
        "convert",
        own=ConvertOptions,
        arguments=[click.Argument(["source"], type=FILE), click.Argument(["target"], type=FILE)],
        work=convert,
        help=CONVERT,
        short_help="Write TFRecord or MindRecord.",
        needs_task=False,
    )
)
data.add_command(
    TaskCommand(
        "show",
        own=ShowOptions,
        arguments=[click.Argument(["source"], type=FILE)],
        work=show,
        help=SHOW,
        short_help="Print records or examples.",
        needs_task=False,
    )
)
data.add_command(
    TaskCommand(
        "check",
        own=InspectionOptions,
        arguments=[click.Argument(["train"], type=FILE), click.Argument(["other"], type=FILE, nargs=-1)],
        work=check,
        help=CHECK,
        short_help="Look for what would make training or scores wrong.",
    )
)
data.add_command(
    TaskCommand(
        "stats",
        own=InspectionOptions,
        arguments=[click.Argument(["files"], type=FILE, nargs=-1, required=True)],
        work=stats,
        help=STATS,
        short_help="Count examples, labels and lengths.",
    )
)
