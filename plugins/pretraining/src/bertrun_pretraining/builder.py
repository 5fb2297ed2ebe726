"""Raw text to shards of pre-training records: the whole of `bertrun data pretrain`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from bert_core import BertrunError, DataError, UsageError

from .blocks import Block, blocks
from .columns import columns_of
from .corpus import files_of
from .index import Index, Shard
from .kept import locked
from .settings import Settings
from .shards import OpenEncoder, Workshop, mask_of
from .sinks import SinkFactory
from .workers import made


class Share(NamedTuple):
    """The part of a corpus that one machine makes: block b where b modulo `of` is `number` - 1.

    Each machine reads the whole corpus, which costs little; the shards of all of them together are those that one
    machine would make.
    """

    number: int = 1
    of: int = 1


class Progress(NamedTuple):
    """How far a build is.

    Args:
        shard: The one that was just made; None where it was there already.
        found: All that are there.
        blocks: How many blocks were read.
    """

    shard: Shard | None
    found: Index
    blocks: int


def build(
    settings: Settings,
    sources: Sequence[str],
    open_encoder: OpenEncoder,
    sinks: SinkFactory,
    folder: Path,
    *,
    workers: int = 1,
    share: Share | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Index:
    """Make pre-training records of raw text.

    The shards depend on the settings, the text and the vocabulary only: not on the number of workers or machines, and
    not on interruptions. A block of documents becomes a shard; the random second text of a pair comes from the same
    block, and records are shuffled within it, where Google's script has the whole corpus in memory for both.

    Memory is bounded whatever the corpus: a block, the next one, and what a process needs to stand.

    Args:
        settings: What decides the records.
        sources: Files, folders or patterns: plain text, WikiExtractor's output, MediaWiki dumps.
        open_encoder: Opens the tokenizer, in each process once.
        sinks: Opens shards.
        folder: Where shards and index go. Where they are already there, what is missing is made.
        workers: Processes; with more than one, a script must keep its own start behind `if __name__ == "__main__"`.
        share: Which part this machine makes; None makes all.
        progress: Called after each shard.

    Returns:
        The index, which is also in the folder: `index.json`, or `index-2-of-4.json` for a share.

    Raises:
        DataError: The text cannot be read or there is none, or shards cannot be written.
        UsageError: The folder holds shards that were made with other settings or of other text.
    """
    share = share or Share()
    _check(workers, share)
    files = files_of(sources)
    encoder = open_encoder()
    mask_of(encoder)
    made_with = _made_with(settings, encoder, sinks, share)
    name = "index.json" if share.of == 1 else f"index-{share.number}-of-{share.of}.json"
    with locked(folder, name, lambda: _refuse(folder)):
        index = Index.open(folder / name, made_with)
        workshop = Workshop(settings, open_encoder, sinks, folder)
        job = _Build(index, progress, share)
        return job.run(
            lambda missing: made(missing, workshop, encoder, workers), blocks(files, settings.block_characters)
        )


class _Build:
    def __init__(self, index: Index, progress: Callable[[Progress], None], share: Share) -> None:
        self._index = index
        self._progress = progress
        self._share = share
        self._read = 0

    def run(self, make: Callable[[Iterable[Block]], Iterable[Shard]], corpus: Iterable[Block]) -> Index:
        for shard in make(self._missing(corpus)):
            self._index.shards[shard.number] = shard
            self._index.write()
            self._progress(Progress(shard, self._index, self._read))
        if not self._read:
            raise DataError("there is no document in the text", hint="Are the files those that you meant?")
        later = [number for number in self._index.shards if number >= self._read]
        if later:
            raise self._changed(later[0], f"it has {self._read} blocks now")
        self._index.complete = True
        self._index.write()
        return self._index

    def _missing(self, corpus: Iterable[Block]) -> Iterator[Block]:
        """The blocks that are this machine's and whose shards are not there yet."""
        for block in corpus:
            self._read += 1
            if block.number % self._share.of != self._share.number - 1:
                continue
            there = self._index.shards.get(block.number)
            if there is None:
                yield block
            elif there.text_sha256 != block.digest():
                raise self._changed(block.number, "its text is another now")
            else:
                self._progress(Progress(None, self._index, self._read))

    def _changed(self, number: int, how: str) -> UsageError:
        what = f"the shards in this folder were made of other text: shard {number} is there, and of the corpus {how}"
        return UsageError(what, where=self._index.path, hint="Name another folder, or delete this one to begin anew")


def _check(workers: int, share: Share) -> None:
    if workers < 1:
        raise UsageError(f"there are {workers} workers; it takes 1 at least")
    if not 1 <= share.number <= share.of:
        raise UsageError(f"the share is {share.number} of {share.of}; shares count from 1", hint="As in --shard 2/8")


def _made_with(settings: Settings, encoder: Any, sinks: SinkFactory, share: Share) -> dict[str, Any]:
    vocabulary = {"sha256": encoder.vocab_sha256, "pieces": encoder.vocab_size, "lowercase": encoder.lowercase}
    return {
        "settings": asdict(settings) | {"dupe_factor": settings.passes},
        "vocabulary": vocabulary,
        "record_format": sinks.format,
        "columns": {name: f"{column.type}[{column.length}]" for name, column in columns_of(settings).items()},
        "share": f"{share.number}/{share.of}",
    }


def _refuse(folder: Path) -> NoReturn:
    raise BertrunError("another process is making shards in this folder", where=folder)
