"""How long it takes until an encoder has its values, here and in transformers, in turn, medians over rounds.

    python benchmarks/load_times.py --peer-python PEER/bin/python --weights DIR [--weights DIR]

Each time is that of a process of its own, with files that were read before, so that the disk is not measured. `imports`
ends where MindSpore, or torch and transformers, are there; `load` opens the weights, builds the encoder and gives it
every value; `read` adds every value up once, since what is mapped into memory is read when it is used; `process` is
the whole process from outside. Then come `total`, the sum of what was read, `count`, the number of parameters, and
`resident`, how many MiB more there are after `read` than after the imports.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from load_memory import MIB, resident

PEER = Path(__file__).with_name("peer_load_times.py")
PARTS = ("imports", "load", "read", "process")


def measured(path: Path) -> dict[str, float]:
    """The times of this process, in seconds."""
    begin = time.perf_counter()
    import mindspore
    import numpy as np

    from bert_core.assembly import build_encoder, device_named, model_of, open_weights
    from bert_core.bert.encoder import BertModel
    from bert_core.manager import PluginManager, Policy

    assert mindspore, BertModel
    before, imported = resident("VmRSS"), time.perf_counter()
    manager = PluginManager(Policy.from_environment(), say=print)
    weights = open_weights(path, manager)
    spec, options = model_of(weights, manager)
    encoder = build_encoder(spec, options, device_named(manager, None), weights)
    loaded = time.perf_counter()
    values = [parameter.asnumpy() for _, parameter in encoder.parameters_and_names()]
    total = sum(float(np.abs(one).sum()) for one in values)
    read = time.perf_counter()
    times = {"imports": imported - begin, "load": loaded - imported, "read": read - loaded}
    count = sum(one.size for one in values)
    return {**times, "total": total, "count": count, "resident": (resident("VmRSS") - before) // MIB}


def run(python: str, program: Path, weights: Path) -> dict[str, float]:
    begin = time.perf_counter()
    command = [python, str(program), "--one", str(weights)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {**json.loads(out.splitlines()[-1]), "process": time.perf_counter() - begin}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer-python")
    parser.add_argument("--weights", type=Path, action="append")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--one", type=Path)
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(measured(chosen.one)))
        return
    for weights in chosen.weights:
        sides = {"bertrun": (sys.executable, Path(__file__)), "transformers": (chosen.peer_python, PEER)}
        rounds = [{name: run(*side, weights) for name, side in sides.items()} for _ in range(chosen.rounds + 1)][1:]
        print(f"\n{weights}, {chosen.rounds} rounds after one that is not counted: median (least to most), seconds\n")
        print("| | " + " | ".join(PARTS) + " |\n" + "|---" * (1 + len(PARTS)) + "|")
        for name in sides:
            columns = [[found[name][part] for found in rounds] for part in PARTS]
            cells = [f"{statistics.median(times):.2f} ({min(times):.2f} to {max(times):.2f})" for times in columns]
            print(f"| {name} | " + " | ".join(cells) + " |")
        for part in ("total", "count", "resident"):
            print(f"\n{part}: " + ", ".join(f"{name} {rounds[-1][name][part]:.0f}" for name in sides))


if __name__ == "__main__":
    main()
