"""Runs that a job scheduler has begun: who we are, by its variables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from bert_core import UsageError

from .cluster import Cluster, machines, number, single_rank
from .defaults import JOB_SCHEDULERS, PORT

Environment = Mapping[str, str]
Master = tuple[str, int] | None
Finder = Callable[[Environment, int | None, Master], Cluster | None]


def slurm(environment: Environment, workers: int | None, master: Master) -> Cluster | None:
    """Under `srun`: a launcher for each machine (`--ntasks-per-node=1`), which starts workers, or one for each rank.

    Raises:
        UsageError: `--workers` is said where every rank has a launcher, or a variable is missing.
    """
    if "SLURM_STEP_ID" not in environment:  # sbatch's own script is no step: it sees one task of all
        return None
    tasks, nodes = number(environment, "SLURM_STEP_NUM_TASKS"), number(environment, "SLURM_STEP_NUM_NODES")
    if master is None:
        port = 20000 + number(environment, "SLURM_JOB_ID") % 10000  # two jobs that share a machine do not meet
        master = first_host(environment.get("SLURM_STEP_NODELIST", "")), port
    if tasks == nodes:
        here = environment.get("SLURM_GPUS_ON_NODE", "1")
        each = workers or (int(here) if here.isdecimal() else 1)
        return machines(nodes, number(environment, "SLURM_NODEID"), each, master)
    _check_no_workers(workers, "SLURM", tasks)
    return single_rank(number(environment, "SLURM_PROCID"), tasks, number(environment, "SLURM_LOCALID"), master)


def mpi(environment: Environment, workers: int | None, master: Master) -> Cluster | None:
    """Under `mpirun`: a launcher for each rank; Open MPI's variables, or those of MPICH and Intel MPI.

    Raises:
        UsageError: `--workers` is said, or several machines are used and nobody says which one leads.
    """
    if "OMPI_COMM_WORLD_SIZE" in environment:
        names = ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_RANK")
        here = "OMPI_COMM_WORLD_LOCAL_SIZE"
    elif "PMI_SIZE" in environment and "MPI_LOCALRANKID" in environment:
        names, here = ("PMI_SIZE", "PMI_RANK", "MPI_LOCALRANKID"), "MPI_LOCALNRANKS"
    else:
        return None
    size, rank, local = (number(environment, name) for name in names)
    _check_no_workers(workers, "MPI", size)
    master = master or _named_master(environment)
    if master is None and environment.get(here) != str(size):
        raise UsageError("MPI's variables do not say which machine leads", hint="Say --master HOST:PORT")
    return single_rank(rank, size, local, master or ("127.0.0.1", PORT))


def kubernetes(environment: Environment, workers: int | None, master: Master) -> Cluster | None:
    """In a pod: a launcher for each pod, by MindSpore's own variables, or MASTER_ADDR, WORLD_SIZE and RANK of others.

    Raises:
        UsageError: A variable is missing or says no number, or ranks and pods do not fit.
    """
    if {"MS_SCHED_HOST", "MS_WORKER_NUM", "MS_NODE_RANK"} <= set(environment):
        size = number(environment, "MS_WORKER_NUM")
        each = workers or (number(environment, "MS_LOCAL_WORKER") if "MS_LOCAL_WORKER" in environment else 1)
        if size % each:
            raise UsageError(f"MS_WORKER_NUM says {size} ranks, which pods of {each} do not make")
        port = number(environment, "MS_SCHED_PORT") if "MS_SCHED_PORT" in environment else PORT
        master = master or (environment["MS_SCHED_HOST"], port)
        return machines(size // each, number(environment, "MS_NODE_RANK"), each, master)
    if {"MASTER_ADDR", "WORLD_SIZE", "RANK"} <= set(environment):
        master = master or _named_master(environment) or (environment["MASTER_ADDR"], PORT)
        return machines(number(environment, "WORLD_SIZE"), number(environment, "RANK"), workers or 1, master)
    return None


FINDERS: Mapping[str, Finder] = dict(zip(JOB_SCHEDULERS, (slurm, mpi, kubernetes), strict=True))


def found(name: str, environment: Environment, workers: int | None, master: Master) -> Cluster | None:
    """The run that a job scheduler has begun, if one has.

    Args:
        name: `auto` for whichever it is, `none`, or the one that it must be.
        environment: The variables of this process.
        workers: Ranks for each launcher, where that is said.
        master: Host and port of the scheduler process, where they are said.

    Raises:
        UsageError: The named one's variables are not there, or say what cannot be.
    """
    if name == "none":
        return None
    if name == "auto":
        clusters = (find(environment, workers, master) for find in FINDERS.values())
        return next((cluster for cluster in clusters if cluster is not None), None)
    cluster = FINDERS[name](environment, workers, master)
    if cluster is None:
        raise UsageError(f"--from {name}: its variables are not set here")
    return cluster


def first_host(hosts: str) -> str:
    """The first host of a SLURM list, such as `gpu[03-04,9],big1`: `gpu03`.

    Raises:
        UsageError: The list is empty.
    """
    match = re.match(r"([^\[,]+)(?:\[([^\],-]+)[^\]]*\]([^,]*))?", hosts)
    if match is None:
        raise UsageError("the variable SLURM_STEP_NODELIST names no host", hint="Say --master HOST:PORT")
    return match[1] + (match[2] or "") + (match[3] or "")


def _named_master(environment: Environment) -> Master:
    if "MASTER_ADDR" not in environment:
        return None
    port = number(environment, "MASTER_PORT") if "MASTER_PORT" in environment else PORT
    return environment["MASTER_ADDR"], port


def _check_no_workers(workers: int | None, name: str, size: int) -> None:
    if workers is not None:
        raise UsageError(
            f"--workers {workers}: {name} has begun a launcher for each of {size} ranks",
            hint="Leave it out, or let each machine have one launcher, or say --from none",
        )
