"""The ranks of a run, and which of them this machine starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bert_core import UsageError

from .defaults import PORT
from .rank_table import RankTable


@dataclass(frozen=True)
class Place:
    """A rank that this machine starts: its number in the run, its number here, and its device."""

    rank: int
    local: int
    device: int


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """All ranks of a run, seen from one launcher.

    Args:
        size: How many ranks there are, over all machines.
        host: Where the scheduler process listens.
        port: Its port.
        leads: Whether this launcher starts the scheduler process.
        places: The ranks that this launcher starts.
        binds: Whether cores may be divided here; a job scheduler that starts every rank does so itself.
        rank_table: The HCCL rank table that the workers read.
    """

    size: int
    host: str
    port: int
    leads: bool
    places: tuple[Place, ...]
    binds: bool = True
    rank_table: Path | None = None


def one_machine(workers: int, port: int) -> Cluster:
    """All ranks on this machine.

    Raises:
        UsageError: There are no workers.
    """
    return machines(1, 0, workers, ("127.0.0.1", port))


def machines(nodes: int, node_rank: int, workers: int, master: tuple[str, int]) -> Cluster:
    """As many ranks on each machine, numbered machine by machine.

    Args:
        nodes: How many machines there are.
        node_rank: Which of them this is, from 0.
        workers: How many ranks each of them starts.
        master: Host and port of the scheduler process, which the first machine starts.

    Raises:
        UsageError: A number is out of its range.
    """
    if workers < 1:
        raise UsageError(f"--workers must be 1 or more, not {workers}")
    if nodes < 1:
        raise UsageError(f"--nodes must be 1 or more, not {nodes}")
    if not 0 <= node_rank < nodes:
        raise UsageError(f"--node-rank {node_rank} is none of {nodes} machines", hint="They are numbered from 0")
    first = node_rank * workers
    return Cluster(
        size=nodes * workers,
        host=master[0],
        port=master[1],
        leads=node_rank == 0,
        places=tuple(Place(first + local, local, local) for local in range(workers)),
    )


def single_rank(rank: int, size: int, local: int, master: tuple[str, int]) -> Cluster:
    """One rank, where a job scheduler starts a launcher for each.

    Raises:
        UsageError: There is no such rank.
    """
    if not 0 <= rank < size:
        raise UsageError(f"rank {rank} is none of {size} ranks")
    places = (Place(rank, local, local),)
    return Cluster(size=size, host=master[0], port=master[1], leads=rank == 0, places=places, binds=False)


def of_rank_table(table: RankTable, path: Path, server: int, master: tuple[str, int]) -> Cluster:
    """The ranks that a rank table gives to one of its servers.

    Args:
        table: What the file says.
        path: The file, which the workers read too.
        server: Which of its servers this machine is, from 0.
        master: Host and port of the scheduler process, which the server of rank 0 starts.
    """
    devices = table.servers[server].devices
    return Cluster(
        size=table.size,
        host=master[0],
        port=master[1],
        leads=any(device.rank == 0 for device in devices),
        places=tuple(Place(device.rank, local, device.number) for local, device in enumerate(devices)),
        rank_table=path.absolute(),
    )


def address(text: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`; the port may be left out.

    Raises:
        UsageError: It is not of that form.
    """
    host, _, port = text.rpartition(":") if ":" in text else (text, "", str(PORT))
    if not host or ":" in host or not port.isdecimal() or not 0 < int(port) < 65536:
        hint = "MindSpore's cluster knows no IPv6 addresses" if text.count(":") > 1 else "For example 10.0.0.1:8118"
        raise UsageError(f"--master {text} is not HOST:PORT", hint=hint)
    return host, int(port)


def number(environment: Mapping[str, str], name: str) -> int:
    """A number that a job scheduler's variable says.

    Raises:
        UsageError: It is missing or says no number.
    """
    value = environment.get(name, "")
    if not value.isdecimal():
        said = f"is {value!r}, not a number" if value else "is not set"
        raise UsageError(f"the variable {name} {said}", hint="--from none leaves the job scheduler's variables alone")
    return int(value)
