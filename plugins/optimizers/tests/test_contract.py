"""What every plugin, every optimizer and every schedule keeps, of this plugin's."""

from __future__ import annotations

from pathlib import Path

from bert_core.testing import OptimizerContract, PluginContract, ScheduleContract


class TestContract(PluginContract):
    entry_point = "bertrun_optimizers.plugin"
    readme = Path(__file__).parents[1] / "README.md"


class TestAdamW(OptimizerContract):
    name = "adamw"


class TestPlainAdamW(OptimizerContract):
    name = "adamw"
    options = {"fused": False}


class TestLamb(OptimizerContract):
    name = "lamb"


class TestMomentum(OptimizerContract):
    name = "momentum"


class TestGradientDescent(OptimizerContract):
    name = "sgd"


class TestLinear(ScheduleContract):
    name = "linear"


class TestConstant(ScheduleContract):
    name = "constant"


class TestInverseSquareRoot(ScheduleContract):
    name = "inverse-square-root"


class TestCosine(ScheduleContract):
    name = "cosine"


class TestPolynomial(ScheduleContract):
    name = "polynomial"


class TestPolynomialJump(ScheduleContract):
    name = "polynomial-jump"
