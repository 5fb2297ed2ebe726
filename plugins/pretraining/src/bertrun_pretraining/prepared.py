"""Records of text that a run names as its data: made once, kept in the cache, and found again."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from bert_core import DataError

from .builder import Progress, build
from .corpus import files_of
from .index import Index
from .kept import forget_unused, locked, use
from .pieces import PieceEncoder
from .settings import Settings
from .sinks import SinkFactory

_FORM = 1  # of what is kept; records of another one are made again
_SAID_EVERY = 30.0  # seconds


class Bench(Protocol):
    """What the host gives: `bert_core.types.Workbench`."""

    @property
    def text(self) -> Any:
        """The tokenizer."""

    @property
    def sinks(self) -> SinkFactory:
        """Opens shards."""

    @property
    def cache(self) -> Path:
        """Where what can be made again is kept."""

    @property
    def digest(self) -> Callable[[Path], str]:
        """Of a file's content."""

    @property
    def say(self) -> Callable[[str], None]:
        """Says a line."""


@dataclass(frozen=True)
class SameEncoder:
    """Gives a tokenizer that is open already, in any process."""

    encoder: PieceEncoder

    def __call__(self) -> PieceEncoder:
        """The tokenizer."""
        return self.encoder


def prepared(source: Path, settings: Settings, bench: Bench, *, workers: int) -> tuple[Path, list[Path]]:
    """The folder of records of a text, made now or before, and the files of the text.

    The folder's name is a digest of the text, the settings and the vocabulary. What an interruption left there is gone
    on with; where another run is making the same records, its end is waited for. Before new ones are made, those that
    no run has used for a month are removed.

    Args:
        source: A file, a folder or a pattern.
        settings: What decides the records.
        bench: What the host gives.
        workers: Processes.

    Raises:
        DataError: The text cannot be read, or records cannot be written.
    """
    files = files_of([str(source)])
    cache = bench.cache / "pretraining"
    folder = cache / _key([bench.digest(path) for path in files], settings, bench)
    use(folder)
    if (index := _complete(folder)) is not None:
        bench.say(f"records that were made of this text before: {folder}")
        return _shards(folder, index), files
    forget_unused(cache, bench.say)
    with locked(
        folder, "making", lambda: bench.say(f"another run is making these records, and is waited for: {folder}")
    ):
        use(folder)
        index = _complete(folder) or _made(source, files, settings, bench, folder, workers)
    return _shards(folder, index), files


def _made(source: Path, files: Sequence[Path], settings: Settings, bench: Bench, folder: Path, workers: int) -> Index:
    bench.say(f"making records of {source}, which are kept in {folder}")
    paths = [str(path) for path in files]
    index = build(
        settings, paths, SameEncoder(bench.text), bench.sinks, folder, workers=workers, progress=_Said(bench.say)
    )
    records = sum(shard.records for shard in index.shards.values())
    documents = sum(shard.documents for shard in index.shards.values())
    bench.say(f"made {records:,} records of {documents:,} document{'' if documents == 1 else 's'}")
    return index


def _key(digests: list[str], settings: Settings, bench: Bench) -> str:
    """The same where the records would be the same."""
    text = bench.text
    vocabulary = [text.vocab_sha256, text.lowercase, text.strip_accents]
    said = [_FORM, digests, {**asdict(settings), "dupe_factor": settings.passes}, vocabulary, bench.sinks.suffix]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]


def _complete(folder: Path) -> Index | None:
    """The index of a folder in which all is there that belongs there, as far as names and sizes tell."""
    try:
        index = Index.read(folder / "index.json")
        files = [file for shard in index.shards.values() for file in shard.files]
        whole = all((folder / file.name).stat().st_size == file.bytes for file in files)
    except (DataError, OSError):
        return None
    return index if index.complete and whole else None


def _shards(folder: Path, index: Index) -> Path:
    """The folder, where there is a record in it."""
    if not any(shard.records for shard in index.shards.values()):
        raise DataError("no record can be made of this text: it has no sentence", where=folder)
    return folder


class _Said:
    """Says how far a build is, now and then."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._last = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        if time.monotonic() - self._last < _SAID_EVERY:
            return
        self._last = time.monotonic()
        records = sum(shard.records for shard in progress.found.shards.values())
        self._say(f"{records:,} records in {len(progress.found.shards):,} shards so far")
