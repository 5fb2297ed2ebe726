"""The optimizer's state of another run, as the beginning of this one's."""

from __future__ import annotations

from pathlib import Path

from bert_core.errors import CheckpointError

from .checkpoints import MANIFEST, open_checkpoint
from .optimizer_state import OptimizerState
from .saving import TRAINING, read_state


def carry(folder: Path, state: OptimizerState) -> int:
    """Give the optimizer's state the values of a run's newest checkpoint.

    Args:
        folder: The folder of a run, or of a checkpoint.
        state: What the optimizer keeps.

    Returns:
        How many updates those values have seen, which bias correction counts on from.

    Raises:
        CheckpointError: There are none, or they are of another optimizer or another network.
    """
    hint = "Leave out --carry-moments, or name a run of the same model, task and optimizer"
    if not (folder / MANIFEST).is_file() and not (folder / "latest").is_dir():
        raise CheckpointError("these weights come without an optimizer's state", where=folder, hint=hint)
    checkpoint = open_checkpoint(folder, ["latest"])
    if not (checkpoint / TRAINING).is_file():
        raise CheckpointError("this checkpoint has no optimizer's state", where=checkpoint, hint=hint)
    try:
        state.read(checkpoint / TRAINING)
    except CheckpointError as error:
        raise CheckpointError(f"the optimizer's state {error.what}", where=error.where, hint=hint) from None
    progress = read_state(checkpoint)["progress"]
    return int(progress["updates"]) + int(progress["carried"])
