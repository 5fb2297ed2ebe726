"""The index of a folder of shards: what made them, and for each its counts and the digests of its files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bert_core import DataError, UsageError

_FORMAT = "bertrun pre-training records 1"
_OTHER = "Name another folder, or delete this one to begin anew"


@dataclass(frozen=True)
class ShardFile:
    """A file of a shard.

    Args:
        name: In the index's folder.
        bytes: Its size.
        sha256: The digest of its content.
    """

    name: str
    bytes: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> ShardFile:
        """What is there."""
        digest = hashlib.sha256()
        with path.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
        return cls(path.name, path.stat().st_size, digest.hexdigest())

    def is_whole(self, folder: Path) -> bool:
        """Whether the file is there as it was written."""
        path = folder / self.name
        return path.is_file() and path.stat().st_size == self.bytes and ShardFile.of(path) == self


@dataclass(frozen=True)
class Shard:
    """A block's records.

    Args:
        number: Of the block in the corpus.
        documents: How many documents have text.
        sentences: Of these documents.
        pieces: Of these sentences.
        records: How many there are.
        random_next: Of how many the second text is from elsewhere.
        predictions: Masked pieces; 0 where records are masked when they are read.
        text_sha256: Of the block's text.
        files: The shard's files.
    """

    number: int
    documents: int
    sentences: int
    pieces: int
    records: int
    random_next: int
    predictions: int
    text_sha256: str
    files: tuple[ShardFile, ...]


@dataclass
class Index:
    """The shards of one folder that one share of the machines makes.

    Args:
        path: The index's own file.
        made_with: Everything that decides the records, as JSON values.
        shards: By number.
        complete: Whether the corpus was read to its end.
    """

    path: Path
    made_with: Mapping[str, Any]
    shards: dict[int, Shard] = field(default_factory=dict)
    complete: bool = False

    @classmethod
    def open(cls, path: Path, made_with: Mapping[str, Any]) -> Index:
        """The index at a path, or a new one; shards whose files are not whole are forgotten.

        Raises:
            UsageError: The shards that are there were made with other settings.
            DataError: The index is damaged.
        """
        if not path.exists():
            return cls(path, made_with)
        found = cls.read(path)
        _refuse_others(path, found.made_with, made_with)
        whole = {n: shard for n, shard in found.shards.items() if all(f.is_whole(path.parent) for f in shard.files)}
        return cls(path, made_with, whole)

    @classmethod
    def read(cls, path: Path) -> Index:
        """The index that is at a path.

        Raises:
            DataError: It is damaged, or cannot be read.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["format"] != _FORMAT:
                raise DataError(f"the format is {content['format']!r}, not {_FORMAT!r}", where=path)
            shards = [
                Shard(**{**shard, "files": tuple(ShardFile(**file) for file in shard["files"])})
                for shard in content["shards"]
            ]
            return cls(path, content["made_with"], {shard.number: shard for shard in shards}, content["complete"])
        except (ValueError, KeyError, TypeError) as error:
            raise DataError("this is no index of pre-training records", where=path, hint=_OTHER) from error
        except OSError as error:
            raise DataError(f"the index cannot be read: {error.strerror}", where=path) from error

    def write(self) -> None:
        """Replace the file, whole or not at all."""
        listed = [asdict(self.shards[number]) for number in sorted(self.shards)]
        sums = ("documents", "sentences", "pieces", "records", "random_next", "predictions")
        content = {
            "format": _FORMAT,
            "made_with": self.made_with,
            "complete": self.complete,
            **{name: sum(shard[name] for shard in listed) for name in sums},
            "shards": listed,
        }
        new = self.path.with_name(f".{self.path.name}.new")
        with new.open("w", encoding="utf-8") as stream:
            stream.write(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(self.path)


def _refuse_others(path: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    before, now = _flat(old), _flat(new)
    other = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    if other:
        listed = ", ".join(f"{name} {before.get(name)!r} (now {now.get(name)!r})" for name in other)
        raise UsageError(f"the shards in this folder were made with {listed}", where=path, hint=_OTHER)


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    nested: Sequence[tuple[str, Any]] = list(values.items())
    return {
        (f"{name} {inner}" if inner else name): value
        for name, group in nested
        for inner, value in (group.items() if isinstance(group, dict) else [("", group)])
    }
