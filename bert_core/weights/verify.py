"""What weights are, whether they are whole, and how two of them differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bert_core.errors import CheckpointError
from bert_core.files import sha256
from bert_core.names import listed
from bert_core.training.checkpoints import MANIFEST, damage

from .opened import Weights
from .recognise import TITLES
from .sizes import encoder_shapes
from .vocabulary import vocabulary

_ENCODER = ("bert.embeddings.", "bert.encoder.")


def description(weights: Weights) -> dict[str, Any]:
    """What weights are, as JSON values: format, names, sizes, vocabulary, digest, and each tensor."""
    floats = [stored for stored in weights.tensors.values() if stored.dtype[0] in "FB" and stored.dtype != "BOOL"]
    return {
        "path": str(weights.path),
        "format": TITLES[weights.format],
        "names": weights.table.name if weights.table else "of no BERT that is known",
        "sha256": {path.name: sha256(path) for path in weights.archive.files},
        "parameters": sum(int(np.prod(stored.shape)) for stored in floats),
        "config": {name: value for name, value in weights.config.items() if not isinstance(value, (dict, list))},
        "vocabulary": vocabulary(weights).line,
        "notes": list(weights.notes),
        "tensors": {name: {"dtype": s.dtype, "shape": list(s.shape)} for name, s in weights.tensors.items()},
        "left_aside": {name: dropped.reason for name, dropped in weights.dropped.items()},
        "unknown": list(weights.unknown),
    }


def verify(weights: Weights) -> Iterator[str]:
    """Read every tensor; yield a sentence for each thing that is wrong."""
    try:
        weights.check_names()
    except CheckpointError as error:
        yield error.what
    if (weights.folder / MANIFEST).is_file() and (reason := damage(weights.folder)):
        yield f"by its manifest: {reason}"
    yield from _incomplete(weights)
    if (beside := vocabulary(weights)).is_wrong:
        yield f"the vocabulary cannot be used: {beside.line}"
    for name in weights.tensors:
        try:
            values = weights.tensor(name)
        except CheckpointError as error:
            yield error.what
            continue
        if not np.isfinite(values).all():
            yield f"{name} has {int((~np.isfinite(values)).sum())} values that are not finite"


def _incomplete(weights: Weights) -> Iterator[str]:
    """Where the tensors are not those of the encoder that the configuration describes."""
    try:
        wanted = encoder_shapes(weights.config)
    except KeyError as error:
        yield f"the configuration does not say {error.args[0]}"
        return
    stored = weights.shapes()
    width, heads = weights.config.get("hidden_size"), weights.config.get("num_attention_heads")
    if wanted and heads and width % heads:
        yield f"hidden_size is {width}, which {heads} attention heads cannot share"
    for name in stored:
        if wanted and name.startswith(_ENCODER) and name not in wanted:
            yield f"{name} is stored, which the configuration does not describe"
    for name, shape in wanted.items():
        if name not in stored:
            yield f"{name} is missing, which the configuration describes"
        elif stored[name] != shape:
            yield f"{name} is {stored[name]}, and by the configuration it would be {shape}"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How two sets of weights differ.

    Args:
        only_first: Names that the second lacks.
        only_second: Names that the first lacks.
        shapes: Names whose shapes differ, and both.
        values: For each name that both have, the largest absolute difference.
    """

    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    shapes: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]
    values: dict[str, float]

    @property
    def equal(self) -> bool:
        """Whether every number is the same; what is no number is the same as itself."""
        return not (self.only_first or self.only_second or self.shapes or any(self.values.values()))

    def lines(self) -> Iterator[str]:
        """What a person wants to know."""
        for title, names in (("only in the first", self.only_first), ("only in the second", self.only_second)):
            if names:
                yield f"{title}: {listed(names)}"
        for name, (first, second) in self.shapes.items():
            yield f"{name}: {first} and {second}"
        largest = sorted(((value, name) for name, value in self.values.items() if value), reverse=True)
        for value, name in largest:
            yield f"{name}: up to {value:.3g}"
        yield f"{len(self.values) - len(largest)} tensors are equal, {len(largest)} differ"


def _difference(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """The largest; NaN where one has a number and the other none."""
    if np.array_equal(first, second, equal_nan=True):
        return 0.0
    with np.errstate(invalid="ignore"):  # of two infinities
        return float(np.max(np.abs(first - second), initial=0.0))


def diff(first: Weights, second: Weights) -> Difference:
    """Compare two sets of weights tensor by tensor, under our names.

    Raises:
        CheckpointError: One has a tensor with a name that its table does not have, or one that cannot be read.
    """
    first.check_names()
    second.check_names()
    here, there = first.shapes(), second.shapes()
    both = [name for name in here if name in there]
    return Difference(
        only_first=tuple(name for name in here if name not in there),
        only_second=tuple(name for name in there if name not in here),
        shapes={name: (here[name], there[name]) for name in both if here[name] != there[name]},
        values={
            name: _difference(first.tensor(name), second.tensor(name)) for name in both if here[name] == there[name]
        },
    )
