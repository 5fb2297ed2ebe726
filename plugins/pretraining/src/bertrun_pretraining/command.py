"""`bertrun data pretrain`: raw text becomes pre-training records."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import click

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
@click.option("--max-length", "--max-seq-length", default=128, show_default=True, metavar="PIECES", help="Of a record.")
@click.option(
    "--max-predictions",
    "--max-predictions-per-seq",
    default=20,
    show_default=True,
    metavar="PIECES",
    help="At most so many of a record are masked.",
)
@click.option(
    "--masked-share", "--masked-lm-prob", default=0.15, show_default=True, help="The share of pieces that are masked."
)
@click.option(
    "--short-share",
    "--short-seq-prob",
    default=0.1,
    show_default=True,
    help="The share of documents that become shorter records.",
)
@click.option(
    "--dupe-factor", default=10, show_default=True, help="Pack and mask the text so often, differently each time."
)
@click.option(
    "--whole-word-mask",
    type=click.Choice(["off", "pieces", "chinese"]),
    default="off",
    show_default=True,
    help="Mask a piece with the ## pieces that follow (pieces), or also the words of Chinese text (chinese).",
)
@click.option(
    "--dynamic-masking", is_flag=True, help="Store records unmasked; training masks them, in each epoch differently."
)
@click.option(
    "--sentences",
    type=click.Choice(["auto", "line", "split"]),
    default="auto",
    show_default=True,
    help="Take each line for a sentence, or split lines. auto: lines of plain text, and split paragraphs of wikis.",
)
@click.option(
    "--language",
    default="auto",
    show_default=True,
    metavar="CODE",
    help="Whose rules split sentences, such as en. auto: zh where ideographs prevail, else en.",
)
@click.option("--seed", "--random-seed", default=12345, show_default=True, help="Of all that is drawn.")
@click.option(
    "--block-characters",
    default=4_000_000,
    show_default=True,
    metavar="N",
    help="Text of so many characters makes a shard; pairs and order are drawn within it.",
)
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
    sources: tuple[str, ...],
    vocab: Path,
    output: Path,
    record_format: str,
    lowercase: bool | None,
    max_length: int,
    max_predictions: int,
    masked_share: float,
    short_share: float,
    dupe_factor: int,
    whole_word_mask: Literal["off", "pieces", "chinese"],
    dynamic_masking: bool,
    sentences: Literal["auto", "line", "split"],
    language: str,
    seed: int,
    block_characters: int,
    workers: int,
    shard: tuple[int, int],
    quiet: bool,
) -> None:
    """Make pre-training records of raw text."""
    from .builder import Share, build
    from .settings import Settings

    settings = Settings(
        max_length=max_length,
        max_predictions=max_predictions,
        masked_share=masked_share,
        short_share=short_share,
        dupe_factor=dupe_factor,
        whole_words=whole_word_mask,
        dynamic_masking=dynamic_masking,
        sentences=sentences,
        language=language,
        seed=seed,
        block_characters=block_characters,
    )
    share = Share(*shard)
    index = build(
        settings,
        sources,
        host.encoder(vocab, lowercase),
        host.record_sinks(record_format),
        output,
        workers=workers,
        share=share,
        progress=_silent if quiet else _say,
    )
    records = sum(made.records for made in index.shards.values())
    click.echo(f"{index.path}: {records:,} records in {_counted(len(index.shards), 'shard')}{_of(share)}", err=True)


def _say(progress: Progress) -> None:
    shard = progress.shard
    if shard is not None:
        of = f"{shard.records:,} records of {_counted(shard.documents, 'document')}"
        click.echo(f"shard {shard.number}: {of}; shards: {len(progress.found.shards)}", err=True)


def _silent(progress: Progress) -> None:
    pass


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _of(share: Share) -> str:
    return "" if share.of == 1 else f", which are part {share.number} of {share.of}"
