"""A schedule with which one rank of a run fails at one of its steps."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass

from bert_core import ScheduleSpec, hookimpl, option


@dataclass(frozen=True, kw_only=True)
class FaultyOptions:
    """What happens where."""

    faulty_rank: str = option("1", help="The rank that fails.")
    faulty_how: str = option("raise", help="raise, sleep or kill.")
    faulty_step: int = option(6, help="After how many steps.")


def _sleeps_for_ever() -> None:
    while True:
        time.sleep(1)


def _fails() -> None:
    raise RuntimeError("what a plugin's bug says")


def _is_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


FAULTS = {"raise": _fails, "sleep": _sleeps_for_ever, "kill": _is_killed}


def _build(options, total_steps):
    def factor(step):
        if step == options.faulty_step and os.environ.get("MS_NODE_ID") == options.faulty_rank:
            FAULTS[options.faulty_how]()
        time.sleep(0.05)
        return 1.0

    return factor


@hookimpl
def bertrun_register_schedules():
    yield ScheduleSpec(name="faulty", summary="It fails.", options=FaultyOptions, build=_build)
