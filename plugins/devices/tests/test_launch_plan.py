"""What each rank is told, from each way of saying who the ranks are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bertrun_devices.launch import cores, jobs
from bertrun_devices.launch.cluster import Cluster, address, machines, of_rank_table, one_machine
from bertrun_devices.launch.hyper_parameters import read_hyper_parameters
from bertrun_devices.launch.plan import Settings, processes
from bertrun_devices.launch.rank_table import merged, table_of
from hypothesis import given
from hypothesis import strategies as st

from bert_core import BertrunError, UsageError

FOLDER = Path("/logs")


def plan(cluster: Cluster, **said: Any) -> list[Any]:
    return processes(cluster, Settings(command=("train", "--x"), folder=FOLDER, **said))


def told(cluster: Cluster, name: str, **said: Any) -> list[str | None]:
    return [process.environment.get(name) for process in plan(cluster, **said)]


def ranks(cluster: Cluster | None) -> tuple[Any, ...]:
    assert cluster is not None
    where = (cluster.host, cluster.port, cluster.leads)
    return cluster.size, [(one.rank, one.local) for one in cluster.places], *where


def test_one_machine_has_a_scheduler_and_its_ranks() -> None:
    scheduler, first, second = plan(one_machine(2, 8118), cores=(4, 5, 6, 7, 8), timeout=60)
    meeting = {"MS_WORKER_NUM": "2", "MS_SCHED_HOST": "127.0.0.1", "MS_SCHED_PORT": "8118", "MS_TOPO_TIMEOUT": "60"}
    assert scheduler.environment.items() >= (meeting | {"MS_ROLE": "MS_SCHED"}).items()
    assert "MS_NODE_ID" not in scheduler.environment
    assert scheduler.command[1:] == ("-m", "bertrun_devices.launch.scheduler")
    ids = {"MS_NODE_ID": "1", "RANK_ID": "1", "DEVICE_ID": "1", "OMP_NUM_THREADS": "2"}
    assert second.environment.items() >= (meeting | ids | {"MS_ROLE": "MS_WORKER"}).items()
    assert (first.command, first.cores, second.cores) == (("train", "--x"), (4, 5), (6, 7))
    assert (second.log, second.heartbeat) == (FOLDER / "rank-1.log", FOLDER / "rank-1.heartbeat")


def test_of_several_machines_only_the_first_has_the_scheduler() -> None:
    cluster = machines(3, 1, 4, ("10.0.0.1", 9000))
    assert told(cluster, "RANK_ID") == ["4", "5", "6", "7"]
    assert told(cluster, "DEVICE_ID") == ["0", "1", "2", "3"]
    assert set(told(cluster, "MS_SCHED_HOST")) == {"10.0.0.1"}
    assert set(told(cluster, "MS_WORKER_NUM")) == {"12"}
    assert plan(machines(3, 0, 4, ("10.0.0.1", 9000)))[0].name == "scheduler"


def test_a_rank_table_gives_ranks_and_devices() -> None:
    table = merged([table_of("10.0.0.1", {4: "1.1.1.4", 5: "1.1.1.5"}), table_of("10.0.0.2", {0: "1.1.2.0"})])
    first, second = (of_rank_table(table, Path("/t.json"), server, ("10.0.0.1", 8118)) for server in (0, 1))
    assert told(first, "DEVICE_ID") == [None, "4", "5"]
    assert told(second, "RANK_ID") == ["2"]
    assert told(second, "RANK_TABLE_FILE") == ["/t.json"]
    assert told(second, "RANK_SIZE") == ["3"]


def test_what_is_said_of_time_and_threads_reaches_every_rank() -> None:
    said = {"hccl_connect_timeout": 700, "hccl_exec_timeout": 90, "nccl_ib_timeout": 22, "threads": 3}
    for name, value in (
        ("HCCL_CONNECT_TIMEOUT", "700"),
        ("HCCL_EXEC_TIMEOUT", "90"),
        ("NCCL_IB_TIMEOUT", "22"),
        ("OMP_NUM_THREADS", "3"),
    ):
        assert told(one_machine(2, 1), name, **said) == [None, value, value]
    assert told(one_machine(1, 1), "RANK_ID", variables={"RANK_ID": "7"}) == ["0", "7"]


def test_what_is_shown_can_be_pasted_into_a_shell() -> None:
    shown = plan(one_machine(1, 1), cores=(0, 1, 2, 5), variables={"A": "b c"})[1].shown()
    assert shown.endswith(" A='b c' taskset -c 0-2,5 train --x")
    assert shown.startswith("MS_WORKER_NUM=1 ")


@given(st.sets(st.integers(0, 200), min_size=1), st.integers(1, 20))
def test_cores_are_shared_evenly_and_only_once(own: set[int], workers: int) -> None:
    parts = cores.shares(sorted(own), workers)
    together = [core for part in parts for core in part]
    assert {len(part) for part in parts} == {len(own) // workers}
    assert len(set(together)) == len(together)
    assert set(together) <= own


SLURM = {"SLURM_STEP_ID": "0", "SLURM_JOB_ID": "123456", "SLURM_STEP_NODELIST": "gpu[03-04,9],big1"}


def test_slurm_with_a_launcher_for_each_machine() -> None:
    environment = SLURM | {"SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NUM_NODES": "2", "SLURM_NODEID": "1"}
    found = jobs.found("auto", environment, 2, None)
    assert ranks(found) == (4, [(2, 0), (3, 1)], "gpu03", 23456, False)
    found = jobs.found("slurm", environment | {"SLURM_GPUS_ON_NODE": "1"}, None, ("h", 1))
    assert ranks(found) == (2, [(1, 0)], "h", 1, False)


def test_slurm_with_a_launcher_for_each_rank() -> None:
    environment = SLURM | {"SLURM_STEP_NUM_TASKS": "8", "SLURM_STEP_NUM_NODES": "2"}
    environment |= {"SLURM_PROCID": "5", "SLURM_LOCALID": "1"}
    found = jobs.found("auto", environment, None, None)
    assert ranks(found) == (8, [(5, 1)], "gpu03", 23456, False)
    assert plan(found, cores=(0, 1))[0].cores == ()  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="--workers 2: SLURM has begun a launcher for each of 8 ranks"):
        jobs.found("auto", environment, 2, None)


def test_the_script_of_sbatch_is_no_step() -> None:
    assert jobs.found("auto", {"SLURM_JOB_ID": "1", "SLURM_PROCID": "0"}, None, None) is None
    with pytest.raises(UsageError, match="--from slurm: its variables are not set here"):
        jobs.found("slurm", {}, None, None)


@pytest.mark.parametrize(
    ("hosts", "first"),
    [("a", "a"), ("a,b", "a"), ("n[1-3]", "n1"), ("n[07,9-12]-ib,x", "n07-ib"), ("a-b-01,c", "a-b-01")],
)
def test_the_first_host_of_a_slurm_list(hosts: str, first: str) -> None:
    assert jobs.first_host(hosts) == first


def test_mpi_variables() -> None:
    environment = {"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_LOCAL_RANK": "1"}
    alone = environment | {"OMPI_COMM_WORLD_LOCAL_SIZE": "4"}
    assert ranks(jobs.found("auto", alone, None, None)) == (4, [(3, 1)], "127.0.0.1", 8118, False)
    with pytest.raises(UsageError, match="do not say which machine leads"):
        jobs.found("auto", environment | {"OMPI_COMM_WORLD_LOCAL_SIZE": "2"}, None, None)
    intel = {"PMI_SIZE": "2", "PMI_RANK": "0", "MPI_LOCALRANKID": "0", "MASTER_ADDR": "h", "MASTER_PORT": "5"}
    assert ranks(jobs.found("mpi", intel, None, None)) == (2, [(0, 0)], "h", 5, True)
    with pytest.raises(UsageError, match="PMI_RANK is 'x', not a number"):
        jobs.found("mpi", intel | {"PMI_RANK": "x"}, None, None)


def test_kubernetes_variables() -> None:
    pods = {"MASTER_ADDR": "head", "MASTER_PORT": "99", "WORLD_SIZE": "2", "RANK": "1"}
    assert ranks(jobs.found("auto", pods, 2, None)) == (4, [(2, 0), (3, 1)], "head", 99, False)
    own = {
        "MS_SCHED_HOST": "s",
        "MS_SCHED_PORT": "7",
        "MS_WORKER_NUM": "4",
        "MS_LOCAL_WORKER": "2",
        "MS_NODE_RANK": "0",
    }
    assert ranks(jobs.found("auto", own, None, None)) == (4, [(0, 0), (1, 1)], "s", 7, True)
    with pytest.raises(UsageError, match="4 ranks, which pods of 3 do not make"):
        jobs.found("auto", own, 3, None)
    assert jobs.found("none", own, None, None) is None


@pytest.mark.parametrize("text", ["h:", ":1", "h:x", "h:70000", "::1", "[::1]:80"])
def test_what_is_no_address_is_said(text: str) -> None:
    with pytest.raises(UsageError, match="is not HOST:PORT"):
        address(text)


def test_an_address_may_leave_out_its_port() -> None:
    assert (address("h"), address("h:5")) == (("h", 8118), ("h", 5))


@pytest.mark.parametrize(("nodes", "node_rank", "workers"), [(0, 0, 1), (2, 2, 1), (1, 0, 0)])
def test_numbers_out_of_range_are_said(nodes: int, node_rank: int, workers: int) -> None:
    with pytest.raises(UsageError, match=r"must be 1 or more|is none of"):
        machines(nodes, node_rank, workers, ("h", 1))


def test_the_references_hyper_parameters_become_options(tmp_path: Path) -> None:
    path = tmp_path / "hyper_parameter_config.ini"
    path.write_text("[config]\ndistribute=true\nepoch_size = 40\nsave_checkpoint_path=./\neval_data_dir=/d%s\n")
    options = ("--distribute=true", "--epoch_size=40", "--save_checkpoint_path=./", "--eval_data_dir=/d%s")
    assert read_hyper_parameters(path) == options


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[config]\ndevice_num=8\n", "device_num does not belong into this file"),
        ("[other]\na=1\n", r"no section \[config\]"),
        ("a=1\n", "no INI file"),
        ("[config]\na=1\na=2\n", "no INI file"),
        (None, "cannot be read"),
    ],
)
def test_what_is_wrong_with_hyper_parameters_is_said(tmp_path: Path, text: str | None, what: str) -> None:
    path = tmp_path / "some.ini"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BertrunError, match=what):
        read_hyper_parameters(path)
