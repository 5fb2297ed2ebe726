"""`bertrun data pretrain`: raw text becomes pre-training records."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, get_args, get_origin, get_type_hints

import click

from .settings import Settings

if TYPE_CHECKING:
    from .builder import Progress, Share
    from .pieces import PieceEncoder
    from .sinks import SinkFactory

HELP = """Make pre-training records of raw text, with masked pieces and next sentences as BERT was trained.

SOURCE is a file, a folder or a pattern such as "text/*.txt". Each file may be plain text (a sentence a line, a blank
line between documents), what WikiExtractor writes (<doc> blocks or --json lines), or a MediaWiki XML dump; bzip2 and
gzip are unpacked. The form is known by the content.

The folder gets shards and index.json, which says what made them and how many records there are. The same text,
vocabulary and settings give the same bytes, whatever --workers is. Run the same command again to go on where it was
interrupted.

\b
Examples:
  bertrun data pretrain wiki/ --vocab vocab.txt --output records
  bertrun data pretrain zhwiki.xml.bz2 --vocab vocab.txt --output records --whole-word-mask chinese
  bertrun data pretrain wiki/ --vocab vocab.txt --output records --workers 8 --shard 2/4
"""

_Command = TypeVar("_Command", bound=Callable[..., Any])
_SHARE = re.compile(r"(\d+)/(\d+)")


class Host(Protocol):
    """What the command asks of the program that it is mounted in, as click's object."""

    def encoder(self, vocab: Path, lowercase: bool | None) -> Callable[[], PieceEncoder]:
        """Opens the tokenizer of a vocabulary in any process; `lowercase` None guesses from the vocabulary."""

    def record_sinks(self, record_format: str) -> SinkFactory:
        """Opens shards of a format, `tfrecord` or `mindrecord`."""


def _share(context: click.Context, parameter: click.Parameter, value: str) -> tuple[int, int]:
    found = _SHARE.fullmatch(value)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise click.BadParameter(f"{value!r} is not as 2/8, the second of eight parts", context, parameter)
    return int(found[1]), int(found[2])


def _setting(name: str, *flags: str, metavar: str | None = None) -> Callable[[_Command], _Command]:
    """An option that is a field of `Settings`, with its default and its help."""
    field = next(field for field in fields(Settings) if field.name == name)
    kind: Any = get_type_hints(Settings)[name]
    choices = get_args(kind) if get_origin(kind) is Literal else ()
    return click.option(
        *flags,
        name,
        type=click.Choice(choices) if choices else int if kind == int | None else kind,
        is_flag=kind is bool,
        default=field.default,
        show_default=kind is not bool and field.default is not None,
        metavar=metavar,
        help=field.metadata["help"],
    )


@click.command("data pretrain", help=HELP, short_help="Make pre-training records of raw text.")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--vocab", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The vocab.txt.")
@click.option("--output", type=click.Path(path_type=Path), required=True, metavar="FOLDER", help="Where shards go.")
@click.option(
    "--format",
    "record_format",
    type=click.Choice(["tfrecord", "mindrecord"]),
    default="tfrecord",
    show_default=True,
    help="Of the shards.",
)
@click.option(
    "--lowercase/--cased", default=None, help="Whether to lower-case. Default: as the vocabulary seems to be."
)
@_setting("max_length", "--max-length", "--max-seq-length", metavar="PIECES")
@_setting("max_predictions", "--max-predictions", "--max-predictions-per-seq", metavar="PIECES")
@_setting("masked_share", "--masked-share", "--masked-lm-prob")
@_setting("short_share", "--short-share", "--short-seq-prob")
@_setting("random_next", "--random-next")
@_setting("dupe_factor", "--dupe-factor")
@_setting("whole_word_mask", "--whole-word-mask")
@_setting("dynamic_masking", "--dynamic-masking")
@_setting("sentences", "--sentences")
@_setting("language", "--language", metavar="CODE")
@_setting("seed", "--seed", "--random-seed")
@_setting("block_characters", "--block-characters", metavar="N")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, metavar="N", help="Processes.")
@click.option(
    "--shard",
    callback=_share,
    metavar="I/N",
    default="1/1",
    show_default=True,
    help="Make one of N parts, each on its own machine.",
)
@click.option("--quiet", is_flag=True, help="Say nothing of shards that are done.")
@click.pass_obj
def pretrain(
    host: Host,
    /,
    sources: tuple[str, ...],
    vocab: Path,
    output: Path,
    record_format: str,
    lowercase: bool | None,
    workers: int,
    shard: tuple[int, int],
    quiet: bool,
    **settings: Any,
) -> None:
    """Make pre-training records of raw text."""
    from .builder import Share, build

    share = Share(*shard)
    index = build(
        Settings(**settings),
        sources,
        host.encoder(vocab, lowercase),
        host.record_sinks(record_format),
        output,
        workers=workers,
        share=share,
        progress=_silent if quiet else _say,
    )
    records = sum(made.records for made in index.shards.values())
    made = f"{_counted(records, 'record')} in {_counted(len(index.shards), 'shard')}"
    click.echo(f"{index.path}: {made}{_of(share)}", err=True)
    if not index.shards:
        what = f"the text makes fewer shards than {share.of}, so there was nothing to do for part {share.number}"
        click.echo(f"warning: {what}; a smaller --block-characters makes more shards", err=True)


def _say(progress: Progress) -> None:
    shard = progress.shard
    if shard is not None:
        of = f"{_counted(shard.records, 'record')} of {_counted(shard.documents, 'document')}"
        click.echo(f"shard {shard.number}: {of}; shards: {len(progress.found.shards)}", err=True)


def _silent(progress: Progress) -> None:
    pass


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _of(share: Share) -> str:
    return "" if share.of == 1 else f", which are part {share.number} of {share.of}"
