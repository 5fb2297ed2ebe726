"""The entry point: what this package adds, without importing TensorBoard."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bert_core import TrackerSpec, UsageError, hookimpl


def _build(options: Any) -> object:
    try:
        from .tracker import TensorBoard
    except ImportError as error:
        hint = 'pip install "bertrun-tensorboard[tensorboard]"'
        raise UsageError(f"--track tensorboard needs the package tensorboard: {error}", hint=hint) from None
    return TensorBoard()


@hookimpl
def bertrun_register_trackers() -> Iterable[TrackerSpec]:
    """Event files."""
    yield TrackerSpec(
        name="tensorboard",
        summary="Event files for TensorBoard: losses, rates and scores by step, and the options as text.",
        build=_build,
    )
