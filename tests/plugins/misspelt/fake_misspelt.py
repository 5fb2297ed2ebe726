"""A plugin with a hook that does not exist."""

from __future__ import annotations

from bert_core import hookimpl


@hookimpl
def bertrun_register_task():
    return []
