"""What this package adds to bertrun; nothing here imports MindSpore."""

from dataclasses import dataclass

from bert_core import OptimizerSpec, hookimpl, option


@dataclass(frozen=True, kw_only=True)
class AcmeOptions:
    """What can be said of it."""

    beta: float = option(0.9, minimum=0, maximum=0.9999, help="What is kept of the moment in a step.")
    weight_decay: float = option(0.01, minimum=0, help="What matrices lose in a step, times the rate.")


def build(options, groups, operators):
    from .optimizer import Acme

    return Acme(options, groups)


@hookimpl
def bertrun_register_optimizers():
    yield OptimizerSpec(
        name="acme",
        summary="A step in the direction of the sign of a moment of the gradients (after Bernstein et al. 2018).",
        options=AcmeOptions,
        build=build,
        rates=(1e-6, 1e-3),
    )
