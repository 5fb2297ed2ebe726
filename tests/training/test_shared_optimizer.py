"""Processes that share the optimizer's state make the updates, to the byte, of processes that each keep the whole."""

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
from hypothesis import given
from hypothesis import strategies as st
from mindspore import Parameter, Tensor

from bert_core.errors import CheckpointError, UsageError
from bert_core.training.optimizer_state import OptimizerState
from bert_core.training.ranks import Ranks
from bert_core.training.saving import write_tensors
from bert_core.training.shares import Shares, owners
from bert_core.types import ParameterGroup

SCRIPT = Path(__file__).with_name("sharing.py")
NUMBERS = 5 * 40 + 40 + 40 * 3 + 3  # of the parameters in `sharing.py`


def new(name: str, *shape: int) -> Parameter:
    return Parameter(Tensor(np.ones(shape, np.float32)), name=name)


def together(folder: Path, count: int, optimizer: str) -> list[Any]:
    """What each process of a group wrote."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    cluster = {"MS_WORKER_NUM": str(count), "MS_SCHED_HOST": "127.0.0.1", "MS_SCHED_PORT": str(port)}
    where = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "GLOG_v": "3", "OMP_NUM_THREADS": "1"}
    roles = [{"MS_ROLE": "MS_SCHED"}, *({"MS_ROLE": "MS_WORKER", "MS_NODE_ID": str(n)} for n in range(count))]
    command = [sys.executable, str(SCRIPT), str(folder), str(count), optimizer]
    how: dict[str, Any] = {"cwd": folder, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    processes = [subprocess.Popen(command, env={**os.environ, **where, **cluster, **role}, **how) for role in roles]
    try:
        for process in reversed(processes):  # the scheduler says least
            said, _ = process.communicate(timeout=300)
            assert process.returncode == 0, said
    finally:
        for process in processes:
            process.kill()
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(count)]


SLOW = [pytest.param(2, name, marks=pytest.mark.slow) for name in ("adamw-plain", "lamb", "momentum", "sgd")]
MORE = [pytest.param(3, name, marks=pytest.mark.slow) for name in ("adamw", "lamb")]


class TestSame:
    @pytest.mark.parametrize(("count", "optimizer"), [(2, "adamw"), *SLOW, *MORE])
    def test_losses_norms_parameters_and_state_to_the_byte(self, tmp_path: Path, count: int, optimizer: str) -> None:
        found = together(tmp_path, count, optimizer)
        whole, _ = found[0]
        assert [applied for *_, applied in whole["told"]] == [True, False, True, True]
        assert whole["told"][0][1] > 1  # it is clipped
        for first, second in found:
            assert (first["told"], first["values"], first["state"]) == (whole["told"], whole["values"], whole["state"])
            assert (second["told"], second["values"], second["state"]) == (
                whole["told"],
                whole["values"],
                whole["state"],
            )

        kinds = len(whole["state"]) // 4  # of moments: two, one or none
        assert [first["kept"] for first, _ in found] == [NUMBERS * kinds] * count
        assert sum(second["kept"] for _, second in found) == NUMBERS * kinds
        assert max(second["kept"] for _, second in found) <= 200 * kinds  # the longest parameter


class TestShares:
    @given(st.lists(st.integers(1, 1000), min_size=1, max_size=60), st.integers(1, 8))
    def test_no_process_has_more_than_a_longest_parameter_above_another(self, sizes: list[int], count: int) -> None:
        found = owners(sizes, count)
        totals = [sum(size for size, owner in zip(sizes, found, strict=True) if owner == n) for n in range(count)]
        assert max(totals) - min(totals) <= max(sizes)
        assert found == owners(list(sizes), count)

    @given(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=4), min_size=1, max_size=4), st.integers(1, 4))
    def test_groups_keep_their_order_decay_and_rate(self, sizes: list[list[int]], count: int) -> None:
        groups = [
            ParameterGroup(parameters=[new(f"{number}.{k}", size) for k, size in enumerate(row)], weight_decay=number)
            for number, row in enumerate(sizes)
        ]
        names = [p.name for group in groups for p in group.parameters]
        if len(names) < count:
            with pytest.raises(UsageError, match=f"{len(names)} trained parameters cannot be shared out among {count}"):
                Shares.of(groups, rank=0, size=count)
            return
        seen = []
        for rank in range(count):
            shares = Shares.of(groups, rank=rank, size=count)
            own = [(p.name, group.weight_decay) for group in shares.groups(groups) for p in group.parameters]
            assert [name for name, _ in own] == shares.own(names)
            assert all(name.startswith(f"{decay}.") for name, decay in own)
            seen += [name for name, _ in own]
        assert sorted(seen) == sorted(names)


class Two(Ranks):
    """The first of two, whose other keeps what it is told."""

    def __init__(self, other: dict[str, tuple[tuple[int, ...], str]]) -> None:
        super().__init__(0, 2)
        self.other = other

    def gathered(self, value: Any) -> list[Any]:
        return [value, self.other]


class TestState:
    def test_a_file_must_have_what_all_keep_together(self, tmp_path: Path) -> None:
        path = tmp_path / "training.safetensors"
        write_tensors(path, {"a": np.full(2, 3, np.float32), "b": np.full((2, 3), 4, np.float32)})
        own = new("a", 2)
        OptimizerState({"a": own}, Two({"b": ((2, 3), "float32")}), shared=True).read(path)
        assert own.asnumpy().tolist() == [3, 3]
        with pytest.raises(CheckpointError, match="holds other tensors than this run, among them b"):
            OptimizerState({"a": own}, Ranks(), shared=False).read(path)
        with pytest.raises(CheckpointError, match=r"b is \(2, 3\), and this run's is \(3, 2\)"):
            OptimizerState({"a": own}, Two({"b": ((3, 2), "float32")}), shared=True).read(path)

    def test_state_that_is_not_of_one_parameter_is_refused(self, tmp_path: Path) -> None:
        state = OptimizerState({"all": new("all", 2)}, Two({"all": ((3,), "float32")}), shared=True)
        with pytest.raises(UsageError, match="this optimizer's all is not of one parameter"):
            state.read(tmp_path / "training.safetensors")
