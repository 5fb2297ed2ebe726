"""A plugin with an option that explains nothing."""

from __future__ import annotations

from dataclasses import dataclass

from bert_core import TaskSpec, hookimpl


@dataclass(frozen=True, kw_only=True)
class Silent:
    """Options without help."""

    depth: int = 3


@hookimpl
def bertrun_register_tasks():
    yield TaskSpec(name="silent", summary="It explains nothing.", options=Silent, build=lambda options, state: None)
