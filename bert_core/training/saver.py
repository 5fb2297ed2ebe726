"""Checkpoints that are written while training goes on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from bert_core.errors import CheckpointError
from bert_core.interrupt import ctrl_c_later

from .checkpoints import Checkpoints


class Saver:
    """Commits one checkpoint at a time in a thread of its own.

    Training waits for a copy of the tensors, which is the caller's, and for the checkpoint before, if it is not whole
    yet.

    Args:
        checkpoints: Where they go.
    """

    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints = checkpoints
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="saver")
        self._pending: Future[Path] | None = None

    def begin(self, step: int, write: Callable[[Path], None], *, best: bool) -> None:
        """Begin to write a checkpoint; see `Checkpoints.commit`. There must be none under way.

        Args:
            step: The number of steps made.
            write: Puts its files into the folder that it is given, of values that training does not change.
            best: Whether it is the best so far.
        """
        assert self._pending is None
        with ctrl_c_later():  # the thread that starts here never hears it
            self._pending = self._thread.submit(self._checkpoints.commit, step, write, best=best)

    def finished(self, *, wait: bool) -> Path | None:
        """The checkpoint that has become whole since this was asked last, if any.

        Args:
            wait: Whether to wait for the one that is under way.

        Raises:
            CheckpointError: It could not be written; those before it stay.
        """
        pending = self._pending
        if pending is None or not (wait or pending.done()):
            return None
        self._pending = None
        try:
            return pending.result()
        except OSError as error:
            hint = "Make room, and go on from the one before with `bertrun resume`"
            raise CheckpointError(f"the checkpoint cannot be saved: {error.strerror}", hint=hint) from None

    def close(self) -> None:
        """End the thread, when what is under way is written."""
        self._thread.shutdown()
