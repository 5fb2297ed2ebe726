"""An ONNX graph while it is put together: what is known is folded into it, the rest is nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bert_core.errors import UsageError

from .graph import Kind

INTEGERS = "int64"  # of sizes, axes and indices in ONNX


@dataclass(frozen=True)
class Symbol:
    """A tensor that is known when the graph runs.

    Args:
        name: Its name in the graph.
        kind: What it is.
    """

    name: str
    kind: Kind

    @property
    def rank(self) -> int:
        """How many axes it has."""
        return len(self.kind.shape)


class InexpressibleError(Exception):
    """An operator is used in a way that has no counterpart in ONNX, or none that is known here."""


class OnnxGraph:
    """Nodes and constants. A value is a `Symbol`, or a number, an array or a tuple, known already.

    Attributes:
        nodes: ONNX nodes in order.
        constants: ONNX tensors.
    """

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._known: dict[tuple[str, tuple[int, ...], bytes], Symbol] = {}

    def parameter(self, name: str, values: NDArray[Any]) -> Symbol:
        """A constant under a name of its own."""
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return Symbol(name, Kind(values.dtype.name, values.shape))

    def apply(
        self, operator: str, inputs: Sequence[Any], gives: Kind, attributes: Mapping[str, Any] | None = None
    ) -> Symbol:
        """Use an ONNX operator that gives one tensor; an input None is left out."""
        return self.apply_many(operator, inputs, [gives], attributes)[0]

    def apply_many(
        self, operator: str, inputs: Sequence[Any], gives: Sequence[Kind], attributes: Mapping[str, Any] | None = None
    ) -> tuple[Symbol, ...]:
        """Use an ONNX operator that gives several tensors."""
        from onnx import helper

        number = len(self.nodes)
        outputs = tuple(Symbol(f"{operator}_{number}.{place}", kind) for place, kind in enumerate(gives))
        names = ["" if value is None else self.symbol(value).name for value in inputs]
        node = helper.make_node(operator, names, [output.name for output in outputs], **(attributes or {}))
        self.nodes.append(node)
        return outputs

    def symbol(self, value: Any, dtype: str | None = None) -> Symbol:
        """A value as a tensor of the graph, of this type where one is given.

        Raises:
            InexpressibleError: It is no number and no array of numbers.
        """
        if isinstance(value, Symbol):
            if dtype is None or value.kind.dtype == dtype:
                return value
            return self.apply("Cast", [value], Kind(dtype, value.kind.shape), {"to": onnx_type(dtype)})
        try:
            array = np.asarray(value, dtype=dtype)
        except (TypeError, ValueError):
            raise InexpressibleError(f"takes {value!r}, which is no number") from None
        if array.dtype.kind not in "bifu":
            raise InexpressibleError(f"takes {value!r}, which is no number")
        key = (array.dtype.name, array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = self.parameter(f"constant_{len(self._known)}", array)
        return self._known[key]

    def sizes(self, values: Sequence[Any]) -> Symbol:
        """Whole numbers, some of them scalars of the graph, as a vector."""
        if not any(isinstance(value, Symbol) for value in values):
            return self.symbol(np.array(values, np.int64).reshape(-1))
        parts = [self._vector(value) for value in values]
        return self.apply("Concat", parts, Kind(INTEGERS, (len(parts),)), {"axis": 0})

    def _vector(self, value: Any) -> Symbol:
        if isinstance(value, Symbol):
            scalar = self.symbol(value, INTEGERS)
            return self.apply("Reshape", [scalar, np.array([1], np.int64)], Kind(INTEGERS, (1,)))
        return self.symbol(np.array([value], np.int64))


def onnx_type(dtype: str) -> int:
    """ONNX's number of a NumPy type."""
    from onnx import helper

    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


def whole_number(value: Any) -> int:
    """An axis or another whole number that must be known.

    Raises:
        InexpressibleError: It is only known when the graph runs.
    """
    if isinstance(value, tuple) and len(value) == 1:
        value = value[0]
    if not isinstance(value, int):
        raise InexpressibleError("has an axis or a size that is not known before it runs")
    return value


def check_onnx() -> None:
    """See, before any work, that ONNX's packages are here.

    Raises:
        UsageError: One is not.
    """
    from importlib.util import find_spec

    missing = [name for name in ("onnx", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"--format onnx needs {' and '.join(missing)}, not installed here", hint="pip install 'bertrun[onnx]'"
        )
