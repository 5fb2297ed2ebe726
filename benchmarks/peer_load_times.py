"""The other side of `load_times.py`: the same times of transformers, which needs torch too."""

from __future__ import annotations

import argparse
import json
import time


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--one", required=True)
    chosen = parser.parse_args()
    begin = time.perf_counter()
    import torch
    from transformers import AutoModel, BertModel

    assert BertModel  # which transformers otherwise imports when it is first used
    imported = time.perf_counter()
    model = AutoModel.from_pretrained(chosen.one)
    loaded = time.perf_counter()
    with torch.no_grad():
        total = sum(float(parameter.abs().sum()) for parameter in model.parameters())
    read = time.perf_counter()
    print(json.dumps({"imports": imported - begin, "load": loaded - imported, "read": read - loaded, "total": total}))


if __name__ == "__main__":
    main()
