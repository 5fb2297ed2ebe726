"""One block of documents to one shard: what each worker does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bert_core import DataError, UsageError

from .block import PieceBlock, RecordMaker
from .blocks import Block
from .columns import columns_of
from .index import Shard, ShardFile
from .pieces import PieceEncoder
from .settings import Settings
from .sinks import RecordSink, SinkFactory

# Opens the tokenizer; it goes to the worker processes, so it can be pickled.
OpenEncoder = Callable[[], PieceEncoder]


@dataclass(frozen=True)
class Workshop:
    """All that a process needs to make shards.

    Args:
        settings: What decides the records.
        open_encoder: Opens the tokenizer.
        sinks: Opens shards.
        folder: Where they go.
    """

    settings: Settings
    open_encoder: OpenEncoder
    sinks: SinkFactory
    folder: Path


class ShardMaker:
    """Makes shards, one after the other.

    Args:
        workshop: What it needs.
        encoder: The tokenizer, opened.

    Raises:
        UsageError: The vocabulary has no [MASK], or a library is missing.
    """

    def __init__(self, workshop: Workshop, encoder: PieceEncoder) -> None:
        self._workshop = workshop
        self._records = RecordMaker(workshop.settings, encoder, mask_of(encoder))

    def make(self, block: Block) -> Shard:
        """Write the block's shard, whole or not at all, and say what is in it.

        Raises:
            DataError: It cannot be written.
        """
        path = self._workshop.folder / f"pretrain-{block.number:06d}{self._workshop.sinks.suffix}"
        try:
            sink = self._workshop.sinks(path, columns_of(self._workshop.settings))
            try:
                return self._written(sink, block)
            except BaseException:
                sink.abort()
                raise
        except OSError as error:
            hint = "Make room and run the same command again: it goes on where it was"
            raise DataError(f"the shard cannot be written: {error.strerror}", where=path, hint=hint) from error

    def _written(self, sink: RecordSink, block: Block) -> Shard:
        pieces = self._records.pieces(block.documents)
        records = random_next = predictions = 0
        for columns in self._records.records(pieces, block.number):
            sink.write(columns)
            records += len(columns["input_ids"])
            random_next += int(columns["next_sentence_labels"].sum())
            if "masked_lm_weights" in columns:
                predictions += int(columns["masked_lm_weights"].sum())
        files = tuple(ShardFile.of(file) for file in sink.commit())
        documents, sentences, ids = _counts(pieces)
        return Shard(block.number, documents, sentences, ids, records, random_next, predictions, block.digest(), files)


def mask_of(encoder: PieceEncoder) -> int:
    """The id of [MASK].

    Raises:
        UsageError: The vocabulary has none.
    """
    if encoder.mask_id is None:
        raise UsageError("the vocabulary has no [MASK]", hint="Is it the vocab.txt of a BERT?")
    return encoder.mask_id


def _counts(pieces: PieceBlock) -> tuple[int, int, int]:
    return len(pieces.segments.documents) - 1, len(pieces.segments.bounds) - 1, len(pieces.ids)
