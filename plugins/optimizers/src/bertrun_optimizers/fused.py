"""AdamW with clipping in one pass over memory, by operators in C, where the processor computes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops
from mindspore.ops import signature

from bert_core import ParameterGroup

from .adamw import AdamW
from .compiled import NotCompiledError, library
from .moments import Moments
from .options import AdamWOptions


class FusedAdamW(Moments):
    """`AdamW` as one operator, which also takes the factor of clipping; see `bert_core.protocols.ClippingOptimizer`.

    MindSpore's own operators go over the memory five times, in parts with one thread. Results differ from theirs in
    last bits, and not with the number of threads.

    Args:
        options: Adam's constants.
        groups: What is updated, and how.
        compiled: The library with the operators.
        threads: How many compute.
    """

    def __init__(self, options: AdamWOptions, groups: Sequence[ParameterGroup], compiled: Path, threads: int) -> None:
        super().__init__(options, groups)
        count = len(self.parameters)
        self.measure = _operator(compiled, "lengths")
        self.update = _writing(_operator(compiled, "adamw"), before=5, written=3 * count, after=count)
        self.threads = Tensor(np.array([threads], np.int32))
        self.lefts = Tensor(np.array([1 - self.beta1, 1 - self.beta2], np.float32))
        self.multiples = Tensor(np.array(self.rates, np.float32))
        self.taken = Tensor(np.array(self.shares, np.float32))
        self.stack = ops.Stack()

    def construct(self, gradients: Any, rate: Any, number: Any) -> Any:
        """Update every parameter once; gradients in the order of the groups."""
        return self.clipped(gradients, ops.ones_like(rate), rate, number)

    def lengths(self, gradients: Any) -> Any:
        """Half the squared length of each gradient, and the global norm."""
        count = len(gradients)  # more than are updated, where processes share that out
        halves = self.measure(ops.ones((count,), ms.float32), self.threads, *gradients)
        return halves[:count], ops.sqrt(2.0 * halves[count])

    def clipped(self, gradients: Any, factor: Any, rate: Any, number: Any) -> Any:
        """Update every parameter once, by the gradients times the factor."""
        correction1 = self.correction(self.log_beta1, number)
        root2 = ops.sqrt(self.correction(self.log_beta2, number))
        settings = self.stack((rate, rate * root2 / correction1, self.epsilon * root2, factor))
        constants = self.threads, self.lefts, self.multiples, self.taken, settings
        return ops.depend(rate, self.update(*constants, *self.parameters, *self.first, *self.second, *gradients))


def adamw(options: AdamWOptions, groups: Sequence[ParameterGroup]) -> Moments:
    """AdamW by the operators in C where they are wanted and this machine has them, else by MindSpore's own."""
    single = all(parameter.dtype == ms.float32 for group in groups for parameter in group.parameters)
    if not options.fused or not single or ms.get_context("device_target") != "CPU":
        return AdamW(options, groups)
    try:
        return FusedAdamW(options, groups, library(), processors())
    except NotCompiledError as problem:
        note = f"AdamW goes by MindSpore's own operators, which take longer: {problem}"
        return AdamW(options, groups, notes=(note,))


def processors() -> int:
    """How many threads compute: one for each processor of this process, or what `OMP_NUM_THREADS` says."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, int(told)) if told.isdecimal() else len(os.sched_getaffinity(0))


def _operator(compiled: Path, name: str) -> Any:
    """A function of the library in MindSpore's graph.

    Raises:
        NotCompiledError: MindSpore does not take the library from there.
    """
    try:
        operator = ops.Custom(f"{compiled}:{name}", out_dtype=ms.float32, func_type="aot")
    except TypeError as problem:  # a colon in the path, or not in MindSpore's list of folders
        raise NotCompiledError(str(problem)) from None
    operator.add_prim_attr("reg_op_name", name)  # MindSpore 2.10 reads it where it infers a shape while it computes
    return operator


def _writing(operator: Any, *, before: int, written: int, after: int) -> Any:
    """The operator, of which MindSpore knows the inputs that it writes, so that reads stay where they are."""
    reads, writes = signature.sig_rw.RW_READ, signature.sig_rw.RW_WRITE
    uses = [reads] * before + [writes] * written + [reads] * after
    operator.set_signatures(tuple(signature.make_sig(f"x{place}", use) for place, use in enumerate(uses)))
    operator.add_prim_attr("side_effect_mem", True)
    return operator
