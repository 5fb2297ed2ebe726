"""Records forty updates of timm's LAMB in float64: `python record.py TIMM` (needs torch).

TIMM is the folder `timm` of the unpacked wheel timm 1.0.31, whose LAMB follows NVIDIA's FusedLAMB. Only its `optim` is
read: the rest of timm wants torchvision.
"""

from __future__ import annotations

import sys
import types
from importlib import import_module
from pathlib import Path

import numpy as np
import torch

SHAPES = {"matrix": (5, 3), "vector": (7,), "fast": (4, 9), "zero": (3, 3)}
DECAYS = {"matrix": 0.1, "vector": 0.0, "fast": 0.01, "zero": 0.01}
RATES = {"matrix": 1e-2, "vector": 1e-2, "fast": 5e-2, "zero": 1e-2}
STEPS = 40
KEPT = (1, 2, 10, 40)
CASES = {"default": {}, "uncorrected": {"bias_correction": False}, "adapted": {"always_adapt": True}}


def lamb(folder: Path):
    for name, path in (("timm", folder), ("timm.optim", folder / "optim")):
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = [str(path)]
    return import_module("timm.optim.lamb").Lamb


def main() -> None:
    kind = lamb(Path(sys.argv[1]))
    generator = np.random.default_rng(21)
    arrays = {"kept": np.array(KEPT), "torch": np.array(torch.__version__), "timm": np.array("1.0.31")}
    for name, shape in SHAPES.items():
        start = generator.standard_normal(shape) * (name != "zero")
        arrays[f"start/{name}"] = start.astype(np.float32)
        scale = 10.0 ** generator.uniform(-4, 1, (STEPS, *shape))
        arrays[f"gradients/{name}"] = (generator.standard_normal((STEPS, *shape)) * scale).astype(np.float32)
    for case, options in CASES.items():
        parameters = {
            name: torch.tensor(arrays[f"start/{name}"], dtype=torch.float64, requires_grad=True) for name in SHAPES
        }
        groups = [{"params": [parameters[n]], "weight_decay": DECAYS[n], "lr": RATES[n]} for n in SHAPES]
        optimizer = kind(groups, betas=(0.9, 0.999), eps=1e-6, max_grad_norm=None, **options)
        for step in range(1, STEPS + 1):
            for name, parameter in parameters.items():
                parameter.grad = torch.tensor(arrays[f"gradients/{name}"][step - 1], dtype=torch.float64)
            optimizer.step()
            if step in KEPT:
                for name, parameter in parameters.items():
                    arrays[f"{case}/{step}/{name}"] = parameter.detach().numpy().copy()
    np.savez_compressed(Path(__file__).with_name("trajectory.npz"), **arrays)


if __name__ == "__main__":
    main()
