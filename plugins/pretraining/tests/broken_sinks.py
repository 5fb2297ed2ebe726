"""Shards that cannot be written; in a module of its own, which worker processes can import."""

from __future__ import annotations

import os

from bertrun_pretraining.sinks import NpzSinks


class FullDisk(NpzSinks):
    """A disk that is full at one shard."""

    def __call__(self, path, columns):
        sink = super().__call__(path, columns)
        if "000002" in path.name:
            sink.commit = full
        return sink


def full():
    raise OSError(28, os.strerror(28))


class Death(NpzSinks):
    """A worker that is killed, as when memory runs out."""

    def __call__(self, path, columns):
        if "000001" in path.name:
            os.kill(os.getpid(), 9)
        return super().__call__(path, columns)
