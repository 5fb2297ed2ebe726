"""What `bertrun launch` does: finds out who the ranks are, and starts those of this machine or shows them."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from bert_core import UsageError

from . import jobs
from .cluster import Cluster, address, machines, of_rank_table, one_machine
from .defaults import HCCN_CONF, PORT
from .hccn import read_hccn_conf
from .hyper_parameters import read_hyper_parameters
from .plan import Process, Settings, processes
from .rank_table import RankTable, read_rank_table
from .supervision import Patience, Supervisor


def launch_ranks(said: dict[str, Any], command: tuple[str, ...]) -> int:
    """Start a command as the ranks that the options of `bertrun launch` say, or show how it would be started.

    Raises:
        UsageError: The options contradict each other, or what they name cannot be used.
    """
    cluster = _cluster(said)
    plan = processes(cluster, _settings(said, command))
    if said["print_only"]:
        for process in plan:
            click.echo(f"# {process.name}\n{process.shown()}")
        return 0
    return _supervised(plan, cluster, Patience(grace=said["grace"], hang=said["hang_timeout"]))


def _supervised(plan: Sequence[Process], cluster: Cluster, patience: Patience) -> int:
    if cluster.leads:
        _check_port(cluster.port)
    folder = plan[0].folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"the folder cannot be made: {error.strerror}", where=folder) from None
    console = sys.stderr.buffer if any(process.plain for process in plan) else sys.stdout.buffer
    supervisor = Supervisor(patience, console, lambda text: click.echo(f"bertrun launch: {text}", err=True))
    return supervisor.run(plan)


def _settings(said: dict[str, Any], command: tuple[str, ...]) -> Settings:
    more = read_hyper_parameters(said["hyper_parameters"]) if said["hyper_parameters"] else ()
    return Settings(
        command=(*command, *more),
        folder=said["log_dir"].absolute(),
        cores=_own_cores() if said["bind_cores"] else (),
        threads=said["threads"],
        timeout=said["timeout"],
        hccl_connect_timeout=said["hccl_connect_timeout"],
        hccl_exec_timeout=said["hccl_exec_timeout"],
        nccl_ib_timeout=said["nccl_ib_timeout"],
        variables=dict(_variable(text) for text in said["variables"]),
        plain=said["plain"],
    )


def _cluster(said: dict[str, Any]) -> Cluster:
    """Who the ranks are: by a rank table, by options, by a job scheduler, or all of them here."""
    workers, nodes, node_rank = said["workers"], said["nodes"], said["node_rank"]
    master = address(said["master"]) if said["master"] else None
    if said["table"] is not None:
        _check_free_of(said, "--rank-table says the ranks", "workers", "nodes")
        return _by_table(said["table"], node_rank, master)
    if nodes is not None:
        if nodes > 1 and (master is None or node_rank is None):
            raise UsageError(f"--nodes {nodes} needs --node-rank and --master HOST:PORT")
        return machines(nodes, node_rank or 0, workers or 1, master or ("127.0.0.1", PORT))
    _check_free_of(said, "one of several machines is said with --nodes", "node_rank")
    begun = jobs.found(said["origin"], os.environ, workers, master)
    return begun or one_machine(workers or 1, master[1] if master else _free_port())


def _by_table(path: Path, server: int | None, master: tuple[str, int] | None) -> Cluster:
    table = read_rank_table(path)
    if server is None:
        server = _own_server(table, path)
    elif server >= len(table.servers):
        raise UsageError(f"--node-rank {server}: the table has {len(table.servers)} servers", where=path)
    first = next(one for one in table.servers if any(device.rank == 0 for device in one.devices))
    own = "127.0.0.1" if len(table.servers) == 1 else first.name
    return of_rank_table(table, path, server, master or (own, PORT))


def _own_server(table: RankTable, path: Path) -> int:
    """Which server this machine is: by its devices' addresses (hccn.conf), else by its own."""
    if len(table.servers) == 1:
        return 0
    devices = set(read_hccn_conf(HCCN_CONF).values()) if HCCN_CONF.exists() else set()
    own = {socket.gethostname(), *_own_addresses()}
    for place, server in enumerate(table.servers):
        if server.name in own or devices & {device.address for device in server.devices}:
            return place
    raise UsageError("this machine is none of the table's servers", where=path, hint="Say which with --node-rank")


def _own_addresses() -> set[str]:
    try:
        found = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
    except OSError:
        return set()
    return {str(one[4][0]) for one in found}


def _own_cores() -> tuple[int, ...]:
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()


def _check_free_of(said: dict[str, Any], why: str, *names: str) -> None:
    for name in names:
        if said[name] is not None:
            raise UsageError(f"--{name.replace('_', '-')} {said[name]} does not fit: {why}")


def _free_port() -> int:
    """A port that nobody uses, for ranks of this machine alone; whoever takes it first has it."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _check_port(port: int) -> None:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("", port))
        except OSError as error:
            hint = "Another run may use it; choose another: --master HOST:PORT"
            raise UsageError(f"port {port} is not free here: {error.strerror}", hint=hint) from None


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(f"--env {text} is not NAME=VALUE")
    return name, value
