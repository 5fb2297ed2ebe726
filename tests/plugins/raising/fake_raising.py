"""A plugin whose hook raises."""

from __future__ import annotations

from bert_core import MetricSpec, hookimpl


@hookimpl
def bertrun_register_metrics():
    yield MetricSpec(name="half", summary="It comes before the failure.", build=lambda options: None)


@hookimpl
def bertrun_register_tasks():
    raise LookupError("no tasks today")
