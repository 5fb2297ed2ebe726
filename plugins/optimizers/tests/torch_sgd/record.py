"""Records forty updates of `torch.optim.SGD`, with momentum and without, in float64: `python record.py`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

SHAPES = {"matrix": (5, 3), "vector": (7,), "fast": (4, 9)}
RATES = {"matrix": 1e-2, "vector": 1e-2, "fast": 5e-2}
STEPS = 40
KEPT = (1, 2, 10, 40)
CASES = {"momentum": 0.9, "plain": 0.0}


def main() -> None:
    generator = np.random.default_rng(22)
    arrays = {"kept": np.array(KEPT), "torch": np.array(torch.__version__)}
    for name, shape in SHAPES.items():
        arrays[f"start/{name}"] = generator.standard_normal(shape).astype(np.float32)
        arrays[f"gradients/{name}"] = generator.standard_normal((STEPS, *shape)).astype(np.float32)
    for case, momentum in CASES.items():
        parameters = {
            name: torch.tensor(arrays[f"start/{name}"], dtype=torch.float64, requires_grad=True) for name in SHAPES
        }
        optimizer = torch.optim.SGD([{"params": [parameters[n]], "lr": RATES[n]} for n in SHAPES], momentum=momentum)
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
