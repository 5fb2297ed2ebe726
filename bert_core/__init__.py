"""bertrun: train, evaluate and serve BERT-family encoders on MindSpore, from plugins."""

from __future__ import annotations

from . import lines
from .errors import BertrunError, DataError, DeviceError, RankLostError, UsageError
from .hookspecs import hookimpl
from .initial import truncated_normal
from .options import option
from .predictor import load
from .protocols import Task, TextEncoder
from .types import (
    Arrays,
    Device,
    DeviceSpec,
    Feature,
    MetricSpec,
    ModelSpec,
    Noise,
    OptimizerSpec,
    ParameterGroup,
    Probe,
    Reading,
    RunView,
    ScheduleSpec,
    Split,
    StepRecord,
    TaskSpec,
    TrackerSpec,
    WeightsSpec,
    Window,
)

__all__ = [
    "Arrays",
    "BertrunError",
    "DataError",
    "Device",
    "DeviceError",
    "DeviceSpec",
    "Feature",
    "MetricSpec",
    "ModelSpec",
    "Noise",
    "OptimizerSpec",
    "ParameterGroup",
    "Probe",
    "RankLostError",
    "Reading",
    "RunView",
    "ScheduleSpec",
    "Split",
    "StepRecord",
    "Task",
    "TaskSpec",
    "TextEncoder",
    "TrackerSpec",
    "UsageError",
    "WeightsSpec",
    "Window",
    "hookimpl",
    "lines",
    "load",
    "option",
    "truncated_normal",
]
