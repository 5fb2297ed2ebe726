"""Graph mode on the processor, as runs have it."""

from __future__ import annotations

import os
import shutil

import pytest


@pytest.fixture(scope="package", autouse=True)
def graph_mode() -> None:
    os.environ.setdefault("GLOG_v", "3")
    import mindspore as ms

    if ms.get_context("device_target") != "CPU":  # to say so again after a first graph is an error (MindSpore 2.10)
        ms.set_device("CPU")
    ms.set_context(mode=ms.GRAPH_MODE)


@pytest.fixture(scope="session")
def has_compiler() -> bool:
    """Whether there can be operators in C."""
    return shutil.which("cc") is not None
