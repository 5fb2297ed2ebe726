"""A plugin whose hook wants what no hook is given."""

from __future__ import annotations

from bert_core import hookimpl


@hookimpl
def bertrun_on_step_end(run, loss):
    print(run, loss)
