"""A plugin whose hook has a default, which pluggy would pass over."""

from __future__ import annotations

from bert_core import hookimpl


@hookimpl
def bertrun_on_step_end(run, step=None):
    print(run, step)
