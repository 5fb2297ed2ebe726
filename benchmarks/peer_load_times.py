"""The other side of `load_times.py`: the same times of transformers, which needs torch too."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path


def resident() -> int:
    """MiB."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) // 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--one", required=True)
    chosen = parser.parse_args()
    begin = time.perf_counter()
    import numpy as np
    import torch
    from transformers import AutoModel, BertModel

    assert torch, BertModel  # which transformers otherwise imports when it is first used
    before, imported = resident(), time.perf_counter()
    model = AutoModel.from_pretrained(chosen.one)
    loaded = time.perf_counter()
    total = sum(float(np.abs(parameter.detach().numpy()).sum()) for parameter in model.parameters())
    read = time.perf_counter()
    times = {"imports": imported - begin, "load": loaded - imported, "read": read - loaded}
    count = sum(parameter.numel() for parameter in model.parameters())
    print(json.dumps({**times, "total": total, "count": count, "resident": resident() - before}))


if __name__ == "__main__":
    main()
