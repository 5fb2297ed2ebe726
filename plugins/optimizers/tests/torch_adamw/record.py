"""Records fifty updates of `torch.optim.AdamW` in float64: `python record.py` (needs torch)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

SHAPES = {"matrix": (5, 3), "vector": (7,), "fast": (4, 9)}
STEPS = 50
KEPT = (1, 2, 10, 50)


def main() -> None:
    generator = np.random.default_rng(20)
    arrays = {"kept": np.array(KEPT)}
    parameters = {}
    for name, shape in SHAPES.items():
        arrays[f"start/{name}"] = generator.standard_normal(shape).astype(np.float32)
        scale = 10.0 ** generator.uniform(-4, 1, (STEPS, *shape))
        arrays[f"gradients/{name}"] = (generator.standard_normal((STEPS, *shape)) * scale).astype(np.float32)
        parameters[name] = torch.tensor(arrays[f"start/{name}"], dtype=torch.float64, requires_grad=True)
    groups = [
        {"params": [parameters["matrix"]], "weight_decay": 0.1, "lr": 1e-3},
        {"params": [parameters["vector"]], "weight_decay": 0.0, "lr": 1e-3},
        {"params": [parameters["fast"]], "weight_decay": 0.1, "lr": 5e-2},
    ]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.999), eps=1e-8)
    for step in range(1, STEPS + 1):
        for name, parameter in parameters.items():
            parameter.grad = torch.tensor(arrays[f"gradients/{name}"][step - 1], dtype=torch.float64)
        optimizer.step()
        if step in KEPT:
            for name, parameter in parameters.items():
                arrays[f"after/{step}/{name}"] = parameter.detach().numpy().copy()
    arrays["torch"] = np.array(torch.__version__)
    np.savez_compressed(Path(__file__).with_name("trajectory.npz"), **arrays)


if __name__ == "__main__":
    main()
