"""`bertrun launch`: a command as many processes, one for each device."""

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
from .cluster import PORT, Cluster, address, machines, of_rank_table, one_machine
from .hccn import HCCN_CONF, read_hccn_conf
from .hyper_parameters import read_hyper_parameters
from .plan import Process, Settings, processes
from .rank_table import RankTable, read_rank_table
from .rank_table_commands import rank_table
from .supervision import Patience, Supervisor

FILE = click.Path(path_type=Path)
SECONDS = click.IntRange(min=1)


class Launch(click.Group):
    """Commands of its own; whatever else stands there is the command to launch."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A command of this group by its name, else all words as the command of each rank."""
        if args[0] in self.commands:
            return super().resolve_command(ctx, args)
        return args[0], _each_rank, ["--", *args]


@click.group("launch", cls=Launch, subcommand_metavar="-- COMMAND...")
@click.option("--workers", type=click.IntRange(min=1), help="Ranks that this machine starts. Default: 1.")
@click.option("--nodes", type=click.IntRange(min=1), help="Machines that take part; each runs this command.")
@click.option("--node-rank", type=click.IntRange(min=0), help="Which of the machines this is, from 0.")
@click.option(
    "--master", metavar="HOST:PORT", help=f"Where the ranks meet: the first machine; port {PORT} where none is said."
)
@click.option("--rank-table", "table", type=FILE, metavar="FILE", help="HCCL rank table that says the ranks.")
@click.option(
    "--from",
    "origin",
    type=click.Choice(["auto", "none", *jobs.FINDERS]),
    default="auto",
    show_default=True,
    help="Whose variables say the ranks, where no other option does.",
)
@click.option("--bind-cores/--no-bind-cores", default=True, show_default=True, help="Divide the cores among the ranks.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads for each rank. Default: its cores.")
@click.option("--timeout", type=SECONDS, default=600, show_default=True, help="Seconds in which all ranks must meet.")
@click.option(
    "--hccl-connect-timeout", type=SECONDS, default=600, show_default=True, help="Seconds for Ascends to connect."
)
@click.option(
    "--hccl-exec-timeout", type=SECONDS, default=1836, show_default=True, help="Seconds for an operation over Ascends."
)
@click.option("--nccl-ib-timeout", type=click.IntRange(1, 31), help="NCCL_IB_TIMEOUT of each rank.")
@click.option("--grace", type=click.FloatRange(min=0), default=30.0, show_default=True, help="Seconds before SIGKILL.")
@click.option(
    "--hang-timeout",
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds without progress after which a rank hangs. It must be longer than what precedes the first step.",
)
@click.option("--log-dir", type=FILE, default=Path("launch"), show_default=True, help="Where each rank's lines go.")
@click.option(
    "--hyper-parameters", type=FILE, metavar="FILE", help="hyper_parameter_config.ini: options to add to the command."
)
@click.option("--env", "variables", multiple=True, metavar="NAME=VALUE", help="A variable of each rank.")
@click.option(
    "--plain-stdout", "plain", is_flag=True, help="Print what rank 0 prints as it is, all else on standard error."
)
@click.option("--print-only", is_flag=True, help="Show commands and environments; start nothing.")
@click.pass_context
def launch(ctx: click.Context, /, **said: Any) -> None:
    """Run a command as many processes that MindSpore joins.

    All of them are seen to their end: when one fails it is named, and the others are ended.

    \b
    Examples:
      bertrun launch --workers 2 -- bertrun --task ner --weights minilm-l6
      bertrun launch --nodes 2 --node-rank 0 --master 10.0.0.1:8118 --workers 8 -- python train.py
      bertrun launch --rank-table hccl_8p.json -- python train.py
      srun --ntasks-per-node=1 bertrun launch --workers 8 -- python train.py
    """
    ctx.meta[__name__] = said


@click.command("command", add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("command", nargs=-1, type=click.UNPROCESSED, required=True)
@click.pass_context
def _each_rank(ctx: click.Context, command: tuple[str, ...]) -> int:
    """Start it, or show how it would be started."""
    said = ctx.meta[__name__]
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


launch.add_command(rank_table)
