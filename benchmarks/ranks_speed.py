"""Time and memory of a step by one and by two processes on the same cores: `python benchmarks/ranks_speed.py`.

A tagger of the size of minilm-l6 and 32 windows of 32 random pieces: one process with two threads, then two with one
each, with whole and with shared state of the optimizer. Messages are timed apart, on tensors of the same sizes while
nothing is computed, so that their share in a step is what they would take if no process waited for another.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WARM_UP = 2
MODES = {
    "1 process, 2 threads": (1, 2, False),
    "2 processes, 1 thread": (2, 1, False),
    "2 processes, 1 thread, --shard-optimizer": (2, 1, True),
}


def seconds(work: Callable[[], Any], times: int) -> float:
    """The median of some rounds, after those in which graphs are compiled."""
    taken = []
    for _ in range(WARM_UP + times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken[WARM_UP:])


def peak() -> float:
    """The most memory that this process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def worker(output: Path, steps: int, *, shared: bool) -> None:
    """One of the processes: writes what it measured."""
    import mindspore as ms
    import numpy as np
    from bertrun_ner.options import NerOptions
    from bertrun_ner.task import NerTask
    from bertrun_optimizers.fused import adamw
    from bertrun_optimizers.options import AdamWOptions
    from mindspore import Tensor

    from bert_core.bert.config import BertOptions
    from bert_core.bert.encoder import BertModel
    from bert_core.training.groups import parameter_groups
    from bert_core.training.network import Network, Objective, parameters_of
    from bert_core.training.noise import dropout_factors
    from bert_core.training.optimizer_state import OptimizerState
    from bert_core.training.ranks import Ranks
    from bert_core.training.sent import Spread
    from bert_core.training.shares import Shares
    from bert_core.training.step import Stepper
    from bert_core.training.sums import Reduced
    from bert_core.types import EncoderParts

    ms.set_device("CPU")
    ms.set_context(mode=ms.GRAPH_MODE)
    ranks = Ranks.of()
    ranks.join()
    model = BertOptions(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)
    task = NerTask(NerOptions(), {"labels": ["O", "B-X", "I-X"], "unit": "word"})
    network = Network(BertModel(model, EncoderParts(operators={}, pooler=False, seed=0)), task, 0)
    objective = Objective(network, task, 0)
    named = parameters_of(objective)
    groups = parameter_groups(named, weight_decay=0.01, rates={}, undecayed=())
    parameters = [parameter for group in groups for parameter in group.parameters]
    shares = Shares.of(groups, rank=ranks.rank, size=ranks.size) if shared else None
    optimizer = adamw(AdamWOptions(), shares.groups(groups) if shares else groups)
    state = OptimizerState({p.name: p for p in optimizer.get_parameters() if p.name not in named}, ranks, shared=shared)
    how: dict[str, Any] = {"clip_norm": 1.0, "accumulate": 1, "processes": ranks.size, "shares": shares}
    stepper = Stepper(objective, parameters, optimizer, **how)

    rows, length = ranks.share(range(32)), 32
    generator = np.random.default_rng(0)
    ids = generator.integers(1000, 30000, (32, length)).astype(np.int32)[rows.start : rows.stop]
    places = np.tile(np.arange(length, dtype=np.int32), (len(rows), 1))
    ones, zeros = np.ones_like(ids), np.zeros_like(ids)
    arrays = [ids, zeros, ones, places, ones, ids % 3]
    arrays += dropout_factors(network.noises, rows=rows, length=length, seed=0, step=0, part=0)
    batch = [Tensor(np.array([32 * length], np.float32)), *map(Tensor.from_numpy, arrays)]

    found: dict[str, float] = {"step": seconds(lambda: stepper([batch], rate=1e-5, number=1), steps)}
    found |= {"peak": peak(), "numbers": sum(p.size for p in parameters), "reduce": 0.0, "spread": 0.0, "collect": 0.0}
    found["state"] = sum(p.size for p in state.own.values()) * 4 / 2**20
    if not ranks.alone:
        reduced, gradients = Reduced([p.size for p in parameters]), tuple(map(Tensor, parameters))
        found["reduce"] = seconds(lambda: reduced(gradients)[0].asnumpy(), 5)
    if shares is not None:
        spread, after = Spread(parameters, shares.owners), Tensor(np.float32(0))
        found["spread"] = seconds(lambda: spread(after).asnumpy(), 5)
        began = time.perf_counter()
        state.collected()
        found["collect"] = time.perf_counter() - began
    found["saved"] = peak()
    (output / f"{ranks.rank}.json").write_text(json.dumps(found))


def measured(count: int, threads: int, steps: int, *, shared: bool) -> list[dict[str, float]]:
    """What each of some processes measured."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    cluster = {"MS_WORKER_NUM": str(count), "MS_SCHED_HOST": "127.0.0.1", "MS_SCHED_PORT": str(port)}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--output", folder, "--steps", str(steps), *["--shared"][: int(shared)]]
        scheduler = [sys.executable, "-c", "from mindspore.communication import init; init('mccl')"]
        roles: list[tuple[list[str], dict[str, str]]] = [(command, {})]
        if count > 1:
            nodes = [{"MS_ROLE": "MS_WORKER", "MS_NODE_ID": str(number)} for number in range(count)]
            roles = [(scheduler, {"MS_ROLE": "MS_SCHED", **cluster}), *((command, cluster | node) for node in nodes)]
        variables = {**os.environ, "OMP_NUM_THREADS": str(threads), "GLOG_v": "3"}
        started = [subprocess.Popen(line, env=variables | more, stderr=subprocess.DEVNULL) for line, more in roles]
        if any(process.wait() for process in started):
            raise SystemExit("a process failed")
        return [json.loads((Path(folder) / f"{rank}.json").read_text()) for rank in range(count)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--shared", action="store_true")
    chosen = parser.parse_args()
    if chosen.output is not None:
        worker(chosen.output, chosen.steps, shared=chosen.shared)
        return
    for name, (count, threads, shared) in MODES.items():
        ranks = measured(count, threads, chosen.steps, shared=shared)
        first = ranks[0]
        sent = first["reduce"] + first["spread"]
        print(f"{name}: {first['numbers'] / 1e6:.1f} million parameters, load {os.getloadavg()[0]:.1f}")
        print(f"  step {first['step']:.3f} s, of which messages {sent:.3f} s, {sent / first['step']:.0%}", end="")
        print(f" (gradients {first['reduce']:.3f}, parameters {first['spread']:.3f}); saving {first['collect']:.2f} s")
        for rank, found in enumerate(ranks):
            memory = f"peak {found['peak']:.0f} MiB, with saving {found['saved']:.0f} MiB"
            print(f"  rank {rank}: moments {found['state']:.1f} MiB, {memory}", flush=True)


if __name__ == "__main__":
    main()
