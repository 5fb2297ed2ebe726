"""For authors of plugins: what every plugin keeps, as tests to subclass, and tiny things to test with."""

from __future__ import annotations

from .contracts import PluginContract
from .devices import DeviceContract
from .metrics import MetricContract
from .models import ModelContract
from .optimizers import OptimizerContract
from .schedules import ScheduleContract
from .tasks import TaskContract
from .tiny import TINY_LINES, TINY_MODEL
from .weights import WeightsContract

__all__ = [
    "TINY_LINES",
    "TINY_MODEL",
    "DeviceContract",
    "MetricContract",
    "ModelContract",
    "OptimizerContract",
    "PluginContract",
    "ScheduleContract",
    "TaskContract",
    "WeightsContract",
]
