"""Graph mode on the processor, as runs have it."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session")
def graph_mode() -> None:
    os.environ.setdefault("GLOG_v", "3")
    import mindspore as ms

    ms.set_context(mode=ms.GRAPH_MODE)
