"""The entry point: what this package adds, without importing MindSpore."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bert_core import OptimizerSpec, ParameterGroup, ScheduleSpec, hookimpl

from .options import AdamWOptions, GradientDescentOptions, LambOptions, MomentumOptions
from .schedules import (
    Constant,
    Cosine,
    EndOptions,
    InverseSquareRoot,
    Linear,
    Polynomial,
    PolynomialJump,
    PolynomialOptions,
    WarmupOptions,
)

# Google's AdamWeightDecayOptimizer, and the ModelZoo's by the tables of its YAML files; neither corrects the moments.
GOOGLE = {"epsilon": 1e-6, "bias_correction": False}
MODELZOO = {"epsilon": 1e-6, "bias_correction": False, "weight_decay": 1e-5}
MODELZOO_SQUAD = {"epsilon": 1e-6, "bias_correction": False, "weight_decay": 1e-3}
LAMB = {"beta1": 0.99, "adapt_vectors": True}
BOOST = {"beta1": 0.86, "beta2": 0.98, "epsilon": 1e-6, "weight_decay": 0.0166629, "adapt_vectors": True}


def _build_adamw(options: Any, groups: Sequence[ParameterGroup], operators: Mapping[str, Any]) -> Any:
    from .fused import adamw

    return adamw(options, groups)


def _build_lamb(options: Any, groups: Sequence[ParameterGroup], operators: Mapping[str, Any]) -> Any:
    from .lamb import Lamb

    return Lamb(options, groups)


def _build_momentum(options: Any, groups: Sequence[ParameterGroup], operators: Mapping[str, Any]) -> Any:
    from .momentum import Momentum

    return Momentum(options, groups)


def _build_sgd(options: Any, groups: Sequence[ParameterGroup], operators: Mapping[str, Any]) -> Any:
    from .momentum import GradientDescent

    return GradientDescent(groups)


@hookimpl
def bertrun_register_optimizers() -> Iterable[OptimizerSpec]:
    """AdamW, LAMB, momentum and plain gradient descent."""
    yield OptimizerSpec(
        name="adamw",
        summary="Adam with decoupled weight decay (Loshchilov and Hutter 2019).",
        options=AdamWOptions,
        preferred=True,
        build=_build_adamw,
        rates=(1e-7, 1e-2),
        presets={"adamw-google": GOOGLE, "adamw-modelzoo": MODELZOO, "adamw-modelzoo-squad": MODELZOO_SQUAD},
    )
    yield OptimizerSpec(
        name="lamb",
        summary="Adam with a step as long as each tensor's norm, for large batches (You et al. 2020).",
        options=LambOptions,
        build=_build_lamb,
        rates=(1e-6, 0.1),
        presets={"lamb-modelzoo": LAMB, "lamb-modelzoo-boost": BOOST},
    )
    yield OptimizerSpec(
        name="momentum",
        summary="Gradient descent with momentum, as the ModelZoo's Momentum.",
        options=MomentumOptions,
        build=_build_momentum,
        rates=(1e-5, 1.0),
    )
    yield OptimizerSpec(
        name="sgd",
        summary="Plain gradient descent, for tests.",
        options=GradientDescentOptions,
        build=_build_sgd,
        rates=(1e-5, 10.0),
    )


@hookimpl
def bertrun_register_schedules() -> Iterable[ScheduleSpec]:
    """Those of BERT's family, all with warm-up."""
    yield ScheduleSpec(
        name="linear",
        summary="Warm up, then fall linearly to zero.",
        options=WarmupOptions,
        preferred=True,
        build=Linear,
    )
    yield ScheduleSpec(name="constant", summary="Warm up, then stay.", options=WarmupOptions, build=Constant)
    yield ScheduleSpec(
        name="inverse-square-root",
        summary="Warm up, then fall with the root of the step (Vaswani et al. 2017).",
        options=WarmupOptions,
        build=InverseSquareRoot,
    )
    yield ScheduleSpec(
        name="cosine",
        summary="Warm up, then fall along half a cosine (Loshchilov and Hutter 2017).",
        options=EndOptions,
        build=Cosine,
    )
    yield ScheduleSpec(
        name="polynomial",
        summary="Warm up, then fall as a power of what is left, without a jump.",
        options=PolynomialOptions,
        build=Polynomial,
    )
    yield ScheduleSpec(
        name="polynomial-jump",
        summary="As Google's BERT and the ModelZoo: warm up from zero, then jump to a fall that began at step 0.",
        options=PolynomialOptions,
        build=PolynomialJump,
    )
