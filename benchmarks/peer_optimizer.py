"""The other side of optimizer_speed.py: torch's fused AdamW after `clip_grad_norm_`, a step for each line of input."""

from __future__ import annotations

import json
import sys
import time

import torch

torch.set_num_threads(int(sys.argv[1]))
parameters = [torch.nn.Parameter(torch.full(shape, 0.01)) for shape in json.loads(sys.argv[2])]
for parameter in parameters:
    parameter.grad = torch.full(parameter.shape, 1e-3)
decayed = [parameter for parameter in parameters if parameter.ndim > 1]
plain = [parameter for parameter in parameters if parameter.ndim <= 1]
groups = [{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}]
optimizer = torch.optim.AdamW(groups, lr=1e-5, fused=True)
print("ready", torch.__version__, flush=True)
for _ in sys.stdin:
    for parameter in parameters:
        parameter.grad.fill_(1e-3)  # so that each step clips, as it does here
    began, used = time.perf_counter(), time.process_time()
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimizer.step()
    print(time.perf_counter() - began, time.process_time() - used, flush=True)
