"""Which parameters decay and which move at another rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from mindspore import Parameter, Tensor

from bert_core.training.groups import parameter_groups
from bert_core.types import ParameterGroup

SHAPES = {
    "bert.embeddings.word_embeddings.weight": (8, 4),
    "bert.embeddings.LayerNorm.weight": (4,),
    "bert.embeddings.LayerNorm.bias": (4,),
    "bert.encoder.layer.0.attention.self.query.weight": (4, 4),
    "bert.encoder.layer.0.attention.self.query.bias": (4,),
    "classifier.weight": (3, 4),
    "classifier.bias": (3,),
    "crf.transitions": (3, 3),
    "crf.start": (3,),
    "scale": (),
}


def parameters() -> dict[str, Parameter]:
    return {name: Parameter(Tensor(np.zeros(shape, np.float32)), name=name) for name, shape in SHAPES.items()}


def grouped(
    *, weight_decay: float = 0.01, rates: Mapping[str, float] | None = None, undecayed: Sequence[str] = ()
) -> list[ParameterGroup]:
    return parameter_groups(parameters(), weight_decay=weight_decay, rates=rates or {}, undecayed=undecayed)


def settings(groups: Sequence[ParameterGroup]) -> dict[str, tuple[float, float]]:
    return {p.name: (group.weight_decay, group.rate) for group in groups for p in group.parameters}


def test_every_parameter_is_in_one_group_once() -> None:
    groups = grouped(rates={"crf": 50, "classifier": 2, "": 1}, undecayed=["crf"])
    names = [parameter.name for group in groups for parameter in group.parameters]
    assert sorted(names) == sorted(SHAPES)


def test_no_two_groups_are_alike_and_none_is_empty() -> None:
    groups = grouped(rates={"crf": 50}, undecayed=["crf"])
    kinds = [(group.weight_decay, group.rate) for group in groups]
    assert len(set(kinds)) == len(kinds)
    assert all(group.parameters for group in groups)


def test_matrices_decay_and_nothing_else_does() -> None:
    for name, (decay, rate) in settings(grouped()).items():
        assert decay == (0.01 if len(SHAPES[name]) == 2 else 0), name
        assert rate == 1


def test_undecayed_matrices_do_not_decay() -> None:
    found = settings(grouped(undecayed=["crf.", "bert.embeddings."]))
    decayed = {name for name, (decay, _) in found.items() if decay}
    assert decayed == {"bert.encoder.layer.0.attention.self.query.weight", "classifier.weight"}


def test_rates_go_by_the_beginning_of_names_matrices_and_vectors_alike() -> None:
    found = settings(grouped(rates={"crf": 50, "classifier.bias": 3, "LayerNorm": 9}))
    rates = {name: rate for name, (_, rate) in found.items() if rate != 1}
    assert rates == {"crf.transitions": 50, "crf.start": 50, "classifier.bias": 3}
    assert found["crf.transitions"] == (0.01, 50)


def test_the_first_rate_that_fits_counts() -> None:
    assert settings(grouped(rates={"crf.start": 2, "crf": 50}))["crf.start"] == (0, 2)


def test_factors_multiply_rates_and_leave_the_decay() -> None:
    factors = {"classifier.weight": 0.5, "bert.embeddings.word_embeddings.weight": 0.25}
    groups = parameter_groups(
        parameters(), weight_decay=0.01, rates={"classifier": 3}, undecayed=["bert.embeddings"], factors=factors
    )
    found = settings(groups)
    assert found["classifier.weight"] == (0.01, 1.5)
    assert found["classifier.bias"] == (0, 3)
    assert found["bert.embeddings.word_embeddings.weight"] == (0, 0.25)
    assert found["crf.transitions"] == (0.01, 1)


def test_without_decay_and_rates_there_is_one_group() -> None:
    (group,) = grouped(weight_decay=0.0)
    assert [parameter.name for parameter in group.parameters] == list(SHAPES)
