"""How much memory loading takes beyond the model: the greatest resident size, each format in a process of its own.

    python benchmarks/load_memory.py --work WORK/MODEL

WORK/MODEL is what `peer_parity.py`, `peer_google.py` and `parity.py` wrote: a folder for each format. What is counted
begins behind the imports: the encoder is built with its first values, and every value is replaced from the file. The
kernel keeps the greatest size (VmHWM); Linux only. Beside it stands what is resident when all is done.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from pathlib import Path

MIB = 1 << 20
BESIDE = ("config.json", "vocab.txt", "tokenizer_config.json", "bert_model.ckpt.meta")


def resident(what: str) -> int:
    """VmRSS, or VmHWM, its greatest value since it was forgotten, in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) * 1024


def forget_the_greatest() -> None:
    """Begin again with the size of now."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def measured(path: Path) -> dict[str, int]:
    """What loading took, in bytes, in this process."""
    from bert_core.assembly import build_encoder, device_named, model_of, open_weights
    from bert_core.bert.encoder import BertModel  # so that MindSpore is there
    from bert_core.manager import PluginManager, Policy

    manager = PluginManager(Policy.from_environment(), say=print)
    device = device_named(manager, None)
    assert BertModel
    forget_the_greatest()
    before = resident("VmRSS")
    weights = open_weights(path, manager)
    spec, options = model_of(weights, manager)
    encoder = build_encoder(spec, options, device, weights)
    sizes = [4 * math.prod(parameter.shape) for _, parameter in encoder.parameters_and_names()]
    return {
        "model": sum(sizes),
        "tensor": max(sizes),
        "peak": resident("VmHWM") - before,
        "after": resident("VmRSS") - before,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path)
    parser.add_argument("--one", type=Path)
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(measured(chosen.one)))
        return
    print("| format | files | model | largest tensor | peak | peak beyond the model | after |\n" + "|---" * 7 + "|")
    for path in sorted(folder for folder in chosen.work.iterdir() if folder.is_dir()):
        files = sum(file.stat().st_size for file in path.iterdir() if file.name not in BESIDE)
        command = [sys.executable, __file__, "--one", str(path)]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found = json.loads(out.splitlines()[-1])
        sizes = (files, found["model"], found["tensor"], found["peak"], found["peak"] - found["model"], found["after"])
        print(f"| {path.name} | " + " | ".join(f"{size / MIB:.0f}" for size in sizes) + " |", flush=True)


if __name__ == "__main__":
    main()
