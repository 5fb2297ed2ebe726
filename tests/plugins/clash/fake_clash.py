"""A plugin with an option that every run has already."""

from __future__ import annotations

from dataclasses import dataclass

from bert_core import TaskSpec, hookimpl, option


@dataclass(frozen=True, kw_only=True)
class Greedy:
    """An option that belongs to the run."""

    epochs: int = option(3, help="It is the run's.")


@hookimpl
def bertrun_register_tasks():
    yield TaskSpec(name="clash", summary="It takes an option of the run.", options=Greedy, build=lambda o, s: None)
