"""What TensorBoard shows, as its `Event` messages; nothing here imports TensorFlow."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import DATA_CLASS_TENSOR, Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_STRING

FINAL = "final/"  # how the names of the scores that a run ends with begin


def version() -> Event:
    """The first event of every file."""
    return Event(wall_time=time.time(), file_version="brain.Event:2")


def begun_again(step: int) -> Event:
    """A start that makes a step again: a TensorBoard that is open forgets what it has of it and of later ones."""
    return Event(wall_time=time.time(), step=step, session_log=SessionLog(status=SessionLog.START))


def scalars(group: str, values: Mapping[str, float], step: int) -> Event:
    """Numbers of a step."""
    shown = [Summary.Value(tag=f"{group}{name}", simple_value=float(value)) for name, value in values.items()]
    return Event(wall_time=time.time(), step=step, summary=Summary(value=shown))


def table(tag: str, rows: Mapping[str, Any]) -> Event:
    """Names and values as a table of Markdown, which TensorBoard shows among its texts."""
    lines = ["| option | value |", "|---|---|"]
    lines += [f"| {name} | {_cell(value)} |" for name, value in rows.items()]
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"), data_class=DATA_CLASS_TENSOR)
    text = TensorProto(dtype=DT_STRING, string_val=["\n".join(lines).encode()])
    shown = Summary.Value(tag=tag, metadata=metadata, tensor=text)
    return Event(wall_time=time.time(), step=0, summary=Summary(value=[shown]))


def is_before(event: Event, steps: int) -> bool:
    """Whether a run that goes on after so many steps keeps an event: later ones and final scores come again."""
    final = any(value.tag.startswith(FINAL) for value in event.summary.value)
    return bool(event.step <= steps and not final)


def _cell(value: Any) -> str:
    shown = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return shown.replace("|", "\\|").replace("\n", " ")
