"""What is started: the command, the environment and the cores of the scheduler process and of each rank."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import cores
from .cluster import Cluster, Place

SAYS_WHO_CAME = "2"  # MindSpore's level of logging at which the scheduler process prints each rank that comes
HEARTBEAT = "BERTRUN_HEARTBEAT"  # the host touches the file that it names


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What can be said of every process.

    Args:
        command: What each rank runs.
        folder: Where each process's output and heartbeat are kept.
        cores: The cores of this machine to divide; empty where nobody is bound.
        threads: Threads for each rank; by default one for each of its cores, where it is bound.
        timeout: Seconds in which all ranks must have met.
        hccl_connect_timeout: Seconds in which Ascend's devices must have connected.
        hccl_exec_timeout: Seconds that an operation over Ascend's devices may take.
        nccl_ib_timeout: NCCL's own measure of patience over InfiniBand, where it is said.
        variables: More of the environment.
        plain: Whether rank 0's standard output is passed on as it is.
    """

    command: tuple[str, ...]
    folder: Path
    cores: tuple[int, ...] = ()
    threads: int | None = None
    timeout: int = 600
    hccl_connect_timeout: int = 600
    hccl_exec_timeout: int = 1836
    nccl_ib_timeout: int | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    plain: bool = False


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process to start.

    Args:
        name: `scheduler` or `rank 0`.
        rank: Its rank; the scheduler has none.
        command: Program and arguments.
        environment: What is added to the launcher's own.
        cores: The cores that it is bound to; none for no binding.
        folder: Where its files are.
        plain: Whether its standard output is the launcher's own.
    """

    name: str
    rank: int | None
    command: tuple[str, ...]
    environment: Mapping[str, str]
    cores: tuple[int, ...]
    folder: Path
    plain: bool = False

    @property
    def log(self) -> Path:
        """The file that keeps what it prints."""
        return _file(self.folder, self.name, "log")

    @property
    def heartbeat(self) -> Path:
        """The file that it touches while it makes progress."""
        return _file(self.folder, self.name, "heartbeat")

    def shown(self) -> str:
        """A shell's command that starts the same."""
        assigned = [f"{name}={shlex.quote(value)}" for name, value in self.environment.items()]
        bound = ["taskset", "-c", cores.spelled(self.cores)] if self.cores else []
        return " ".join([*assigned, shlex.join([*bound, *self.command])])


def processes(cluster: Cluster, settings: Settings) -> list[Process]:
    """What this machine starts: the scheduler process if it leads, then its ranks."""
    parts = cores.shares(settings.cores, len(cluster.places)) if cluster.binds else [()] * len(cluster.places)
    ranks = [_rank(cluster, place, part, settings) for place, part in zip(cluster.places, parts, strict=True)]
    return [_scheduler(cluster, settings), *ranks] if cluster.leads else ranks


def _scheduler(cluster: Cluster, settings: Settings) -> Process:
    return Process(
        name="scheduler",
        rank=None,
        command=(sys.executable, "-m", f"{__package__}.scheduler"),
        environment={**_meeting(cluster, settings), "MS_ROLE": "MS_SCHED", "RANK_ID": "0", "GLOG_v": SAYS_WHO_CAME},
        cores=(),
        folder=settings.folder,
    )


def _rank(cluster: Cluster, place: Place, part: Sequence[int], settings: Settings) -> Process:
    threads = settings.threads or len(part)
    name = f"rank {place.rank}"
    return Process(
        name=name,
        rank=place.rank,
        command=settings.command,
        environment={
            **_meeting(cluster, settings),
            "MS_ROLE": "MS_WORKER",
            "MS_NODE_ID": str(place.rank),
            "RANK_ID": str(place.rank),
            "DEVICE_ID": str(place.device),
            "PYTHONFAULTHANDLER": "1",  # SIGABRT then shows the stacks of a rank that hangs
            "PYTHONUNBUFFERED": "1",
            **({"OMP_NUM_THREADS": str(threads)} if threads else {}),
            **_collectives(cluster, settings),
            HEARTBEAT: str(_file(settings.folder, name, "heartbeat")),
            **settings.variables,
        },
        cores=tuple(part),
        folder=settings.folder,
        plain=settings.plain and place.rank == 0,
    )


def _file(folder: Path, name: str, ending: str) -> Path:
    return folder / f"{name.replace(' ', '-')}.{ending}"


def _meeting(cluster: Cluster, settings: Settings) -> dict[str, str]:
    return {
        "MS_WORKER_NUM": str(cluster.size),
        "MS_SCHED_HOST": cluster.host,
        "MS_SCHED_PORT": str(cluster.port),
        "MS_TOPO_TIMEOUT": str(settings.timeout),
        "RANK_SIZE": str(cluster.size),
    }


def _collectives(cluster: Cluster, settings: Settings) -> dict[str, str]:
    said = {
        "HCCL_CONNECT_TIMEOUT": str(settings.hccl_connect_timeout),
        "HCCL_EXEC_TIMEOUT": str(settings.hccl_exec_timeout),
    }
    if settings.nccl_ib_timeout is not None:
        said["NCCL_IB_TIMEOUT"] = str(settings.nccl_ib_timeout)
    if cluster.rank_table is not None:
        said["RANK_TABLE_FILE"] = str(cluster.rank_table)
    return said
