"""A plugin with an optimizer that clips itself and says something when it is built."""

from dataclasses import dataclass

from bert_core import OptimizerSpec, hookimpl


@dataclass(frozen=True, kw_only=True)
class Options:
    """None."""


def _build(options, groups, operators):
    from fake_clipping_descent import ClippingDescent

    return ClippingDescent(groups)


@hookimpl
def bertrun_register_optimizers():
    yield OptimizerSpec(name="clipping-descent", summary="Descent that clips itself.", options=Options, build=_build)
