"""A plugin that yields a metric as a task."""

from __future__ import annotations

from bert_core import MetricSpec, hookimpl


@hookimpl
def bertrun_register_tasks():
    yield MetricSpec(name="metric", summary="It is no task.", build=lambda options: None)
