"""Several processes that make shards; what they give does not depend on how many there are."""

from __future__ import annotations

import multiprocessing
import signal
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import NamedTuple, NoReturn, cast

from bert_core import BertrunError

from .blocks import Block
from .index import Shard
from .pieces import PieceEncoder
from .shards import ShardMaker, Workshop


class _Worker(NamedTuple):
    process: SpawnProcess
    pipe: Connection


def made(blocks: Iterable[Block], workshop: Workshop, encoder: PieceEncoder, workers: int) -> Iterator[Shard]:
    """The shards of blocks as they are done, in any order.

    With one worker, shards are made in this process. With more, this one reads one block ahead of them.

    Raises:
        BertrunError: What a worker raised, or that one ended by itself.
    """
    if workers == 1:
        maker = ShardMaker(workshop, encoder)
        yield from (maker.make(block) for block in blocks)
        return
    with _started(workshop, workers) as pool:
        idle = list(pool)
        busy: dict[Connection, _Worker] = {}
        for block in blocks:
            while not idle:
                yield from _finished(busy, idle)
            worker = idle.pop()
            busy[worker.pipe] = worker
            with suppress(ConnectionError):  # it has ended: its pipe says so when an answer is asked for
                worker.pipe.send(block)
        while busy:
            yield from _finished(busy, idle)


@contextmanager
def _started(workshop: Workshop, count: int) -> Iterator[list[_Worker]]:
    """Processes that are ended with the block, whatever ends it. Spawned: a fork of threads may hang."""
    context = multiprocessing.get_context("spawn")
    pool: list[_Worker] = []
    try:
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(workshop, theirs), daemon=True)
            process.start()
            theirs.close()
            pool.append(_Worker(process, ours))
        yield pool
    finally:
        for worker in pool:
            worker.pipe.close()
            worker.process.terminate()
        for worker in pool:
            worker.process.join()


def _finished(busy: dict[Connection, _Worker], idle: list[_Worker]) -> Iterator[Shard]:
    """The shards of the workers that are done, of which there is one at least."""
    for ready in wait(list(busy)):
        worker = busy.pop(cast(Connection, ready))
        try:
            answer = worker.pipe.recv()
        except (EOFError, ConnectionError):
            worker.process.join()
            what = f"a worker process ended by itself with code {worker.process.exitcode}"
            hint = "Code -9 is often that memory ran out: fewer --workers need less"
            raise BertrunError(what, hint=hint) from None
        if isinstance(answer, BaseException):
            raise answer
        idle.append(worker)
        yield answer


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    """End as after an error, so that no half shard is left."""
    raise SystemExit(128 + number)


def _work(workshop: Workshop, pipe: Connection) -> None:
    """A worker's life: blocks come, shards go, until the parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers
    signal.signal(signal.SIGTERM, _leave)
    maker: ShardMaker | None = None
    with suppress(EOFError, ConnectionError):
        while True:
            block: Block = pipe.recv()
            answer: Shard | Exception
            try:
                maker = maker or ShardMaker(workshop, workshop.open_encoder())
                answer = maker.make(block)
            except BertrunError as error:
                answer = error
            except Exception:
                answer = RuntimeError(f"in a worker process:\n{traceback.format_exc()}")
            pipe.send(answer)
