"""A plugin that tries to change the runs that it sees, wherever it is told of one."""

from __future__ import annotations

import random
import time

import numpy as np

from bert_core import hookimpl

TRIED = []


def _try(what, change):
    try:
        change()
    except (AttributeError, TypeError):
        TRIED.append((what, "refused"))
    else:
        TRIED.append((what, "done"))


def _meddle(run):
    random.seed(1)
    np.random.seed(1)
    _try("tables", lambda: run.tables.__setitem__("run", {}))
    _try("table", lambda: run.tables["run"].__setitem__("learning_rate", 9.0))
    _try("list", lambda: run.tables["run"]["track"].append("more"))
    _try("steps", lambda: setattr(run, "total_steps", 1))


@hookimpl
def bertrun_on_run_begin(run):
    time.sleep(0.01)  # what it takes is recorded in milliseconds
    _meddle(run)


@hookimpl
def bertrun_on_step_end(run, step):
    _meddle(run)
    _try("loss", lambda: setattr(step, "loss", 0.0))


@hookimpl
def bertrun_on_eval_end(run, scores):
    _meddle(run)
    _try("scores", lambda: scores.__setitem__("f1", 1.0))
    _try("no scores", lambda: scores.clear())


@hookimpl
def bertrun_on_checkpoint(run):
    _meddle(run)


@hookimpl
def bertrun_on_run_end(run):
    _meddle(run)
