"""How each operator of MindSpore is said in ONNX."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .graph import Kind, Node
from .onnx_graph import INTEGERS, InexpressibleError, OnnxGraph, Symbol, whole_number

Translation = Callable[..., Any]  # of the graph, the node and the node's arguments; gives the node's value

_ONE = {
    "Abs": "Abs",
    "Ceil": "Ceil",
    "Erf": "Erf",
    "Exp": "Exp",
    "Floor": "Floor",
    "Log": "Log",
    "LogicalNot": "Not",
    "Neg": "Neg",
    "ReLU": "Relu",
    "Reciprocal": "Reciprocal",
    "Sigmoid": "Sigmoid",
    "Sign": "Sign",
    "Sqrt": "Sqrt",
    "Tanh": "Tanh",
}
_TWO = {
    "Add": "Add",
    "Adds": "Add",
    "Div": "Div",
    "Divs": "Div",
    "LogicalAnd": "And",
    "LogicalOr": "Or",
    "Maximum": "Max",
    "Minimum": "Min",
    "Mul": "Mul",
    "Muls": "Mul",
    "Pow": "Pow",
    "RealDiv": "Div",
    "ScalarAdd": "Add",
    "ScalarMul": "Mul",
    "ScalarSub": "Sub",
    "Sub": "Sub",
    "Subs": "Sub",
}
_COMPARING = {
    "EqScalar": "Equal",
    "Equal": "Equal",
    "Greater": "Greater",
    "GreaterEqual": "GreaterOrEqual",
    "GreaterEqualScalar": "GreaterOrEqual",
    "GreaterScalar": "Greater",
    "Less": "Less",
    "LessEqual": "LessOrEqual",
    "LessEqualScalar": "LessOrEqual",
    "LessScalar": "Less",
    "NotEqual": "Equal",
    "NeScalar": "Equal",
}
_OVER_AXES = {
    "MeanExt": "ReduceMean",
    "ReduceMax": "ReduceMax",
    "ReduceMean": "ReduceMean",
    "ReduceMin": "ReduceMin",
    "ReduceSum": "ReduceSum",
    "SumExt": "ReduceSum",
}


def _one(graph: OnnxGraph, node: Node, x: Any) -> Any:
    return graph.apply(_ONE[node.operator], [x], node.gives)


def _two(graph: OnnxGraph, node: Node, x: Any, y: Any) -> Any:
    """MindSpore lets types differ; in ONNX both are of the result's."""
    pair = [graph.symbol(value, node.gives.dtype) for value in (x, y)]
    return graph.apply(_TWO[node.operator], pair, node.gives)


def _compare(graph: OnnxGraph, node: Node, x: Any, y: Any) -> Any:
    known = [value.kind.dtype for value in (x, y) if isinstance(value, Symbol)]
    dtype = np.result_type(*known).name
    result = graph.apply(_COMPARING[node.operator], [graph.symbol(x, dtype), graph.symbol(y, dtype)], node.gives)
    return graph.apply("Not", [result], node.gives) if node.operator.startswith("N") else result


def _over_axes(graph: OnnxGraph, node: Node, x: Any, axes: Any, keep: bool, *_: Any) -> Any:
    axes = (axes,) if isinstance(axes, int) else axes
    wanted = graph.sizes(axes) if axes else None  # without axes it is over all
    typed = graph.symbol(x, node.gives.dtype)
    return graph.apply(_OVER_AXES[node.operator], [typed, wanted], node.gives, {"keepdims": int(keep)})


def _extreme(graph: OnnxGraph, node: Node, x: Any, axis: Any, keep: bool) -> Any:
    """Where the greatest or smallest is, and what it is."""
    name = "Max" if node.operator == "ArgMaxWithValue" else "Min"
    place, value = node.gives
    settings = {"axis": whole_number(axis), "keepdims": int(keep)}
    where = graph.apply(f"Arg{name}", [x], Kind(INTEGERS, place.shape), settings)
    what = graph.apply(f"Reduce{name}", [x, graph.sizes([axis])], value, {"keepdims": int(keep)})
    return graph.symbol(where, place.dtype), what


def _floor_div(graph: OnnxGraph, node: Node, x: Any, y: Any) -> Any:
    """ONNX's Div of whole numbers cuts towards zero, its Mod takes the divisor's sign."""
    kind = node.gives
    x, y = graph.symbol(x, kind.dtype), graph.symbol(y, kind.dtype)
    if kind.dtype.startswith("float"):
        return graph.apply("Floor", [graph.apply("Div", [x, y], kind)], kind)
    rest = graph.apply("Mod", [x, y], kind)
    return graph.apply("Div", [graph.apply("Sub", [x, rest], kind), y], kind)


def _rsqrt(graph: OnnxGraph, node: Node, x: Any) -> Any:
    return graph.apply("Reciprocal", [graph.apply("Sqrt", [x], node.gives)], node.gives)


def _square(graph: OnnxGraph, node: Node, x: Any) -> Any:
    return graph.apply("Mul", [x, x], node.gives)


def _silu(graph: OnnxGraph, node: Node, x: Any) -> Any:
    return graph.apply("Mul", [x, graph.apply("Sigmoid", [x], node.gives)], node.gives)


def _gelu(graph: OnnxGraph, node: Node, x: Any) -> Any:
    """MindSpore's operator of this name is the form with tanh (Hendrycks and Gimpel 2016, section 2)."""
    kind = node.gives

    def step(operator: str, left: Any, right: Any) -> Symbol:
        return graph.apply(operator, [graph.symbol(left, kind.dtype), graph.symbol(right, kind.dtype)], kind)

    inner = step("Mul", step("Add", step("Mul", step("Mul", step("Mul", x, x), x), 0.044715), x), (2 / np.pi) ** 0.5)
    return step("Mul", step("Mul", x, 0.5), step("Add", graph.apply("Tanh", [inner], kind), 1.0))


def _clamp(graph: OnnxGraph, node: Node, x: Any, low: Any, high: Any) -> Any:
    ends = [None if end is None else graph.symbol(end, node.gives.dtype) for end in (low, high)]
    return graph.apply("Clip", [x, *ends], node.gives)


def _softmax(graph: OnnxGraph, node: Node, x: Any, axis: Any) -> Any:
    return graph.apply(node.operator, [x], node.gives, {"axis": whole_number(axis)})


def _layer_norm(graph: OnnxGraph, node: Node, x: Any, scale: Any, shift: Any, axis: Any, _: Any, epsilon: Any) -> Any:
    """Only the value: nothing needs the mean and the variance that MindSpore gives beside it."""
    settings = {"axis": whole_number(axis), "epsilon": float(epsilon)}
    return graph.apply("LayerNormalization", [x, scale, shift], node.gives[0], settings), None, None


def _product(graph: OnnxGraph, node: Node, x: Any, y: Any, turn_x: bool = False, turn_y: bool = False) -> Any:
    pair = [_turned(graph, graph.symbol(value), turn) for value, turn in ((x, turn_x), (y, turn_y))]
    return graph.apply("MatMul", pair, node.gives)


def _turned(graph: OnnxGraph, x: Symbol, turn: bool) -> Symbol:
    """With the last two axes exchanged."""
    if not turn:
        return x
    order = [*range(x.rank - 2), x.rank - 1, x.rank - 2]
    shape = tuple(x.kind.shape[axis] for axis in order)
    return graph.apply("Transpose", [x], Kind(x.kind.dtype, shape), {"perm": order})


def _dense(graph: OnnxGraph, node: Node, x: Any, weight: Any, bias: Any) -> Any:
    product = graph.apply("MatMul", [x, _turned(graph, graph.symbol(weight), True)], node.gives)
    return product if bias is None else graph.apply("Add", [product, bias], node.gives)


def _bias_add(graph: OnnxGraph, node: Node, x: Any, bias: Any, _: Any) -> Any:
    if len(node.gives.shape) != 2:
        raise InexpressibleError("is translated for (n, width) only")
    return graph.apply("Add", [x, bias], node.gives)


def _lstm(graph: OnnxGraph, node: Node, x: Any, hidden: Any, cell: Any, weights: Any) -> Any:
    """One layer, one direction: MindSpore's gates are input, forget, cell, output; ONNX's input, output, forget, cell.

    MindSpore's weights are one column: of the inputs, of the states, and the biases' sum.
    """
    said = node.settings
    if said["bidirectional"] or said["num_layers"] != 1 or said.get("proj_size", 0):
        raise InexpressibleError("is translated for one layer and one direction only")
    width, size = said["input_size"], said["hidden_size"]
    ends = np.cumsum([0, 4 * size * width, 4 * size * size, 4 * size * bool(said["has_bias"])])
    flat = graph.apply("Reshape", [weights, graph.sizes([-1])], Kind("float32", (int(ends[-1]),)))
    parts = []
    for place, columns in enumerate((width, size, 1)[: 3 if said["has_bias"] else 2]):
        bounds = [graph.sizes([int(end)]) for end in ends[place : place + 2]]
        part = graph.apply("Slice", [flat, *bounds], Kind("float32", (4 * size * columns,)))
        gates = graph.apply("Reshape", [part, graph.sizes([4, -1])], Kind("float32", (4, size * columns)))
        gates = graph.apply("Gather", [gates, graph.sizes([0, 3, 1, 2])], gates.kind, {"axis": 0})
        shape = (1, 4 * size, columns) if place < 2 else (1, 4 * size)
        parts.append(graph.apply("Reshape", [gates, graph.sizes(shape)], Kind("float32", shape)))
    if said["has_bias"]:  # ONNX takes two biases
        none = np.zeros((1, 4 * size), np.float32)
        parts[2] = graph.apply("Concat", [parts[2], none], Kind("float32", (1, 8 * size)), {"axis": 1})
    inputs = [x, *parts, *([] if said["has_bias"] else [None]), None, hidden, cell]
    values = graph.apply_many("LSTM", inputs, node.gives[:3], {"hidden_size": size})
    output = graph.apply("Squeeze", [values[0], graph.sizes([1])], node.gives[0])
    return (output, *values[1:], None, None)


COMPUTING: Mapping[str, Translation] = {
    **dict.fromkeys(_ONE, _one),
    **dict.fromkeys(_TWO, _two),
    **dict.fromkeys(_COMPARING, _compare),
    **dict.fromkeys(_OVER_AXES, _over_axes),
    "ArgMaxWithValue": _extreme,
    "ArgMinWithValue": _extreme,
    "BatchMatMul": _product,
    "BiasAdd": _bias_add,
    "ClampScalar": _clamp,
    "Dense": _dense,
    "FloorDiv": _floor_div,
    "GeLU": _gelu,
    "LSTM": _lstm,
    "LayerNorm": _layer_norm,
    "LogSoftmax": _softmax,
    "MatMul": _product,
    "MatMulExt": _product,
    "Rsqrt": _rsqrt,
    "ScalarFloorDiv": _floor_div,
    "SiLU": _silu,
    "Softmax": _softmax,
    "Square": _square,
}
