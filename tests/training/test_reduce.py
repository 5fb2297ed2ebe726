"""Processes that train together take the steps of one, however often their gradients are added up."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SCRIPT = Path(__file__).with_name("reducing.py")


def together(folder: Path, count: int, reduce: str) -> list[dict[str, Any]]:
    """What each process of a group wrote."""
    folder.mkdir()
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    cluster = {"MS_WORKER_NUM": str(count), "MS_SCHED_HOST": "127.0.0.1", "MS_SCHED_PORT": str(port)}
    where = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "GLOG_v": "3", "OMP_NUM_THREADS": "1"}
    roles = [{"MS_ROLE": "MS_SCHED"}, *({"MS_ROLE": "MS_WORKER", "MS_NODE_ID": str(n)} for n in range(count))]
    command = [sys.executable, str(SCRIPT), str(folder), str(count), reduce]
    processes = [
        subprocess.Popen(
            command,
            env={**os.environ, **where, **(cluster | role if count > 1 else {})},
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for role in (roles if count > 1 else roles[1:])
    ]
    try:
        for process in processes:
            said, _ = process.communicate(timeout=180)
            assert process.returncode == 0, said
    finally:
        for process in processes:
            process.kill()
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(count)]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    (found,) = together(tmp_path_factory.mktemp("alone") / "out", 1, "after")
    return found


@pytest.mark.parametrize("reduce", ["after", pytest.param("each", marks=pytest.mark.slow)])
def test_two_processes_take_the_steps_of_one(alone: dict[str, Any], tmp_path: Path, reduce: str) -> None:
    first, second = together(tmp_path / "out", 2, reduce)
    assert json.dumps(first) == json.dumps(second)  # an overflow in one is known to both
    assert [applied for *_, applied in first["outcomes"]] == [True, False, True]
    for step in (0, 2):
        np.testing.assert_allclose(first["outcomes"][step][:2], alone["outcomes"][step][:2], rtol=1e-6)
    for value, wanted in zip(first["values"], alone["values"], strict=True):
        np.testing.assert_allclose(value, wanted, rtol=0, atol=1e-6)
