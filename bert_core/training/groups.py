"""Which parameters are decayed, and which move at another rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mindspore import Parameter

from bert_core.types import ParameterGroup


def parameter_groups(
    parameters: Mapping[str, Parameter],
    *,
    weight_decay: float,
    rates: Mapping[str, float],
    undecayed: Sequence[str],
    factors: Mapping[str, float] | None = None,
) -> list[ParameterGroup]:
    """Groups of parameters that are updated alike, together holding each parameter once.

    Matrices decay; biases, norms and other vectors do not.

    Args:
        parameters: By name.
        weight_decay: Of matrices.
        rates: Multiples of the learning rate by the beginning of names.
        undecayed: Beginnings of the names of matrices that do not decay.
        factors: By name what multiplies those rates besides; 1 where a name is not there.
    """
    factors = factors or {}
    groups: dict[tuple[float, float], list[Parameter]] = {}
    for name, parameter in parameters.items():
        decays = parameter.ndim > 1 and not any(name.startswith(start) for start in undecayed)
        rate = next((rate for start, rate in rates.items() if name.startswith(start)), 1.0)
        rate *= factors.get(name, 1.0)
        groups.setdefault((weight_decay if decays else 0.0, rate), []).append(parameter)
    return [
        ParameterGroup(parameters=members, weight_decay=decay, rate=rate) for (decay, rate), members in groups.items()
    ]
