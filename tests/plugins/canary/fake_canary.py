"""A plugin that writes a file when it is imported, where the environment names one."""

from __future__ import annotations

import os
from pathlib import Path

from bert_core import MetricSpec, hookimpl

with Path(os.environ["CANARY"]).open("a", encoding="utf-8") as stream:
    stream.write("imported\n")


@hookimpl
def bertrun_register_metrics():
    yield MetricSpec(name="canary", summary="Sing.", build=lambda options: len)
