"""The entry point: what this package adds, without importing MindSpore."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bert_core import OptimizerSpec, ParameterGroup, ScheduleSpec, hookimpl, option

from .schedules import Constant, Linear, WarmupOptions


@dataclass(frozen=True, kw_only=True)
class AdamWOptions:
    """Adam's constants and the decay."""

    beta1: float = option(0.9, minimum=0, maximum=0.999999, help="Decay of the mean of gradients.")
    beta2: float = option(0.999, minimum=0, maximum=0.999999, help="Decay of the mean of squared gradients.")
    epsilon: float = option(1e-8, above=0, help="Added to the root of the second moment.")
    weight_decay: float = option(0.01, minimum=0, help="Decay of matrices; biases and norms have none.")
    bias_correction: bool = option(True, help="Correct the moments' start at zero; Google's BERT does not.")


def _build_adamw(options: Any, groups: Sequence[ParameterGroup], operators: Mapping[str, Any]) -> Any:
    from .adamw import AdamW

    return AdamW(options, groups)


@hookimpl
def bertrun_register_optimizers() -> Iterable[OptimizerSpec]:
    """AdamW."""
    yield OptimizerSpec(
        name="adamw",
        summary="Adam with decoupled weight decay (Loshchilov and Hutter 2019).",
        options=AdamWOptions,
        preferred=True,
        build=_build_adamw,
    )


@hookimpl
def bertrun_register_schedules() -> Iterable[ScheduleSpec]:
    """Linear and constant, both with warm-up."""
    yield ScheduleSpec(
        name="linear",
        summary="Warm up, then fall linearly to zero.",
        options=WarmupOptions,
        preferred=True,
        build=Linear,
    )
    yield ScheduleSpec(name="constant", summary="Warm up, then stay.", options=WarmupOptions, build=Constant)
