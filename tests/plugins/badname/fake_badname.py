"""A plugin whose task has a name that nobody could type."""

from __future__ import annotations

from bert_core import TaskSpec, hookimpl


@hookimpl
def bertrun_register_tasks():
    yield TaskSpec(name="Bad_Name", summary="It has a bad name.", build=lambda options, state: None)
