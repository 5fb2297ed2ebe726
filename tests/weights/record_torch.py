"""Records files as torch saves them, and what they hold: `python tests/weights/record_torch.py` (needs torch).

Writes into `data/` a state dict in each layout of torch, and `torch_expected.npz` and `torch_expected.json`
with the values, as float32, and with the dtypes and shapes; and the same in two files with an index.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch

DATA = Path(__file__).parent / "data"
WORDS = {
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float64: "F64",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
    torch.uint16: "U16",
    torch.float8_e4m3fn: "F8_E4M3",
}


def state() -> OrderedDict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)

    def numbers(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    words, big = numbers(6, 4), numbers(4, 5, 6)
    tensors: dict[str, torch.Tensor] = {
        "words": words,
        "decoder": words,
        "transposed": words.t(),
        "turned": big.permute(2, 0, 1),
        "row": words[2],
        "column": words[:, 1],
        "every other": big[1:, ::2, 3],
        "half": numbers(5).half(),
        "half transposed": numbers(2, 3).half().t(),
        "brain": numbers(2, 3).bfloat16(),
        "brain transposed": numbers(2, 3).bfloat16().t(),
        "double": numbers(3).double(),
        "scalar": torch.tensor(1.5),
        "nothing": numbers(0, 7),
        "one": numbers(1, 1, 3).expand(1, 1, 3),
        "parameter": torch.nn.Parameter(numbers(2, 2)),
        "position_ids": torch.arange(8).expand((1, -1)),
        "int": torch.arange(3, dtype=torch.int32),
        "short": torch.arange(3, dtype=torch.int16),
        "char": torch.arange(3, dtype=torch.int8),
        "byte": torch.arange(3, dtype=torch.uint8),
        "bool": torch.tensor([True, False]),
    }
    made = OrderedDict(tensors)
    made._metadata = OrderedDict({"": {"version": 1}})  # type: ignore[attr-defined]
    return made


def record_shards(tensors: dict[str, torch.Tensor]) -> None:
    """Two files, one in the layout before 1.6, and their index as transformers writes it."""
    names = list(tensors)
    halves = {"pytorch_model-00001-of-00002.bin": names[:9], "pytorch_model-00002-of-00002.bin": names[9:]}
    for new_layout, (file, held) in zip((True, False), halves.items(), strict=True):
        half = {name: tensors[name] for name in held}
        torch.save(half, DATA / file, _use_new_zipfile_serialization=new_layout)
    said = {"metadata": {"total_size": 0}, "weight_map": {name: file for file in halves for name in halves[file]}}
    (DATA / "pytorch_model.bin.index.json").write_text(json.dumps(said, indent=1) + "\n", "utf-8")


def main() -> None:
    DATA.mkdir(exist_ok=True)
    tensors = state()
    newer = {
        **tensors,
        "short unsigned": torch.arange(3).to(torch.uint16),
        "eighth": torch.ones(2).to(torch.float8_e4m3fn),
    }
    nested: dict[str, Any] = {
        "state_dict": tensors,
        "epoch": 3,
        "lr": 1e-4,
        "optimizer": {"state": {0: {"exp_avg": torch.zeros(2), "step": 7}}, "param_groups": [{"params": [0, 1]}]},
    }
    torch.save(tensors, DATA / "torch_zip.bin")
    torch.save(newer, DATA / "torch_newer.bin")
    torch.save(tensors, DATA / "torch_protocol5.bin", pickle_protocol=5)
    torch.save(nested, DATA / "torch_nested.bin")
    torch.save(tensors, DATA / "torch_legacy.bin", _use_new_zipfile_serialization=False)
    torch.save(nested, DATA / "torch_legacy_nested.bin", _use_new_zipfile_serialization=False)
    record_shards(tensors)
    about = {name: [WORDS[tensor.dtype], list(tensor.shape)] for name, tensor in newer.items()}
    (DATA / "torch_expected.json").write_text(json.dumps(about, indent=1) + "\n", "utf-8")
    floating = {name: tensor for name, tensor in tensors.items() if about[name][0] in ("F32", "F16", "BF16", "F64")}
    values = {name: tensor.detach().float().numpy() for name, tensor in floating.items()}
    np.savez_compressed(DATA / "torch_expected.npz", **values)


if __name__ == "__main__":
    main()
