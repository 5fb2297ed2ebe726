"""How those operators of MindSpore that move, cut and fill are said in ONNX."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .graph import OPEN, Kind, Node
from .onnx_graph import INTEGERS, InexpressibleError, OnnxGraph, Symbol, whole_number

_FAR = np.iinfo(np.int64).max  # the end of an axis, however long it is


def _itself(graph: OnnxGraph, node: Node, x: Any, *_: Any) -> Any:
    return x


def _nothing(graph: OnnxGraph, node: Node, *_: Any) -> Any:
    return None


def _tuple(graph: OnnxGraph, node: Node, *values: Any) -> Any:
    return values


def _item(graph: OnnxGraph, node: Node, values: Any, place: Any) -> Any:
    return values[whole_number(place)]


def _retyped(graph: OnnxGraph, node: Node, x: Any, *_: Any) -> Any:
    return graph.symbol(x, node.gives.dtype) if isinstance(x, Symbol) or node.operator == "Cast" else x


def _shape(graph: OnnxGraph, node: Node, x: Any) -> Any:
    x = graph.symbol(x)
    return tuple(_size(graph, x, axis) if size == OPEN else size for axis, size in enumerate(x.kind.shape))


def _size(graph: OnnxGraph, x: Symbol, axis: int) -> Symbol:
    vector = graph.apply("Shape", [x], Kind(INTEGERS, (1,)), {"start": axis, "end": axis + 1})
    return graph.apply("Squeeze", [vector, graph.sizes([0])], Kind(INTEGERS))


def _reshape(graph: OnnxGraph, node: Node, x: Any, shape: Any) -> Any:
    """One size that is not known before the graph runs is left to ONNX, as -1."""
    shape = list(shape)
    unknown = [place for place, size in enumerate(shape) if isinstance(size, Symbol)]
    if len(unknown) == 1 and -1 not in [size for size in shape if isinstance(size, int)]:
        shape[unknown[0]] = -1
    return graph.apply("Reshape", [x, graph.sizes(shape)], node.gives)


def _transpose(graph: OnnxGraph, node: Node, x: Any, order: Any) -> Any:
    return graph.apply("Transpose", [x], node.gives, {"perm": [axis % len(order) for axis in order]})


def _expand_dims(graph: OnnxGraph, node: Node, x: Any, axis: Any) -> Any:
    return graph.apply("Unsqueeze", [x, graph.sizes([whole_number(axis)])], node.gives)


def _squeeze(graph: OnnxGraph, node: Node, x: Any, axes: Any) -> Any:
    axes = (axes,) if isinstance(axes, int) else axes
    return graph.apply("Squeeze", [x, graph.sizes(axes) if axes else None], node.gives)


def _split(graph: OnnxGraph, node: Node, x: Any, axis: Any, count: Any) -> Any:
    return graph.apply_many("Split", [x], node.gives, {"axis": whole_number(axis), "num_outputs": whole_number(count)})


def _unstack(graph: OnnxGraph, node: Node, x: Any) -> Any:
    axis = whole_number(node.settings["axis"])
    whole = [Kind(item.dtype, (*item.shape, 1)) for item in node.gives]
    parts = graph.apply_many("Split", [x], whole, {"axis": axis, "num_outputs": len(whole)})
    pairs = zip(parts, node.gives, strict=True)
    return tuple(graph.apply("Squeeze", [part, graph.sizes([axis])], item) for part, item in pairs)


def _concat(graph: OnnxGraph, node: Node, values: Any, axis: Any) -> Any:
    parts = [graph.symbol(value, node.gives.dtype) for value in values]
    return graph.apply("Concat", parts, node.gives, {"axis": whole_number(axis)})


def _stack(graph: OnnxGraph, node: Node, values: Any, *axis: Any) -> Any:
    place = whole_number(axis[0] if axis else node.settings["axis"]) % len(node.gives.shape)
    shape = tuple(1 if at == place else size for at, size in enumerate(node.gives.shape))
    kind = Kind(node.gives.dtype, shape)
    rows = [graph.apply("Unsqueeze", [value, graph.sizes([place])], kind) for value in values]
    return graph.apply("Concat", rows, node.gives, {"axis": place})


def _slice(graph: OnnxGraph, node: Node, x: Any, begin: Any, end: Any, strides: Any, *masks: Any) -> Any:
    """NumPy's `x[begin:end:stride]` on the first axes; the masks' bits say, axis by axis, what is left out or one."""
    from_start, to_end, dots, new, single = (
        [bool(mask >> axis & 1) for axis in range(len(begin))] for mask in map(whole_number, masks)
    )
    if any(dots) or any(new) or not all(isinstance(stride, int) and stride > 0 for stride in strides):
        raise InexpressibleError("is translated without `...`, new axes and negative steps only")
    first = [0 if out and not one else at for at, out, one in zip(begin, from_start, single, strict=True)]
    last = [_FAR if out else at for at, out in zip(end, to_end, strict=True)]
    last = [_after(graph, at) if one else stop for at, one, stop in zip(first, single, last, strict=True)]
    bounds = [graph.sizes(values) for values in (first, last, range(len(begin)), strides)]
    cut = graph.apply("Slice", [x, *bounds], node.gives)
    gone = [axis for axis, one in enumerate(single) if one]
    return graph.apply("Squeeze", [cut, graph.sizes(gone)], node.gives) if gone else cut


def _after(graph: OnnxGraph, place: Any) -> Any:
    """The end of a slice of one."""
    if isinstance(place, Symbol):
        raise InexpressibleError("takes an index that is not known before it runs")
    return _FAR if place == -1 else place + 1


def _reverse(graph: OnnxGraph, node: Node, x: Any, axes: Any) -> Any:
    bounds = [graph.sizes(values) for values in ([-1] * len(axes), [-_FAR] * len(axes), axes, [-1] * len(axes))]
    return graph.apply("Slice", [x, *bounds], node.gives)


def _gather(graph: OnnxGraph, node: Node, table: Any, ids: Any, axis: Any, batch_axes: Any = 0) -> Any:
    batch, at = whole_number(batch_axes), whole_number(axis)
    if batch and (batch, at, ids.rank) == (1, 1, 2):
        places = graph.apply(
            "Unsqueeze", [graph.symbol(ids, INTEGERS), graph.sizes([2])], Kind(INTEGERS, (*ids.kind.shape, 1))
        )
        return graph.apply("GatherND", [table, places], node.gives, {"batch_dims": 1})
    if batch:
        raise InexpressibleError("is translated with batch_dims 1, of rows by their places, only")
    return graph.apply("Gather", [table, ids], node.gives, {"axis": whole_number(axis)})


def _gather_elements(graph: OnnxGraph, node: Node, x: Any, axis: Any, ids: Any) -> Any:
    return graph.apply("GatherElements", [x, ids], node.gives, {"axis": whole_number(axis)})


def _select(graph: OnnxGraph, node: Node, condition: Any, x: Any, y: Any) -> Any:
    pair = [graph.symbol(value, node.gives.dtype) for value in (x, y)]
    return graph.apply("Where", [graph.symbol(condition, "bool"), *pair], node.gives)


def _masked_fill(graph: OnnxGraph, node: Node, x: Any, mask: Any, value: Any) -> Any:
    return _select(graph, node, mask, value, x)


def _broadcast(graph: OnnxGraph, node: Node, x: Any, shape: Any) -> Any:
    kept = [1 if isinstance(size, int) and size == -1 else size for size in shape]
    return graph.apply("Expand", [x, graph.sizes(kept)], node.gives)


def _tile(graph: OnnxGraph, node: Node, x: Any, times: Any) -> Any:
    x = graph.symbol(x)
    if len(times) != x.rank:
        raise InexpressibleError("is translated with a number for each axis only")
    return graph.apply("Tile", [x, graph.sizes(times)], node.gives)


def _fill(graph: OnnxGraph, node: Node, shape: Any, value: Any) -> Any:
    """`Zeros` and `Ones` have the type where others have the value."""
    known = {"Zeros": 0, "Ones": 1}.get(node.operator, value)
    return graph.apply("Expand", [graph.symbol(known, node.gives.dtype), graph.sizes(shape)], node.gives)


def _fill_like(graph: OnnxGraph, node: Node, x: Any) -> Any:
    value = graph.symbol(0 if node.operator == "ZerosLike" else 1, node.gives.dtype)
    shape = graph.apply("Shape", [x], Kind(INTEGERS, (len(node.gives.shape),)))
    return graph.apply("Expand", [value, shape], node.gives)


def _range(graph: OnnxGraph, node: Node, start: Any, limit: Any, step: Any, _: Any) -> Any:
    ends = [graph.symbol(value, node.gives.dtype) for value in (start, limit, step)]
    return graph.apply("Range", ends, node.gives)


def _one_hot(graph: OnnxGraph, node: Node, ids: Any, depth: Any, on: Any, off: Any, axis: Any) -> Any:
    kind = Kind(node.gives.dtype, (1,))
    pair = [graph.apply("Reshape", [graph.symbol(value, kind.dtype), graph.sizes([1])], kind) for value in (off, on)]
    values = graph.apply("Concat", pair, Kind(kind.dtype, (2,)), {"axis": 0})
    taken = [graph.symbol(ids, INTEGERS), graph.symbol(depth, INTEGERS), values]
    return graph.apply("OneHot", taken, node.gives, {"axis": whole_number(axis)})


def _running_sum(graph: OnnxGraph, node: Node, x: Any, axis: Any, exclusive: Any, reverse: Any) -> Any:
    settings = {"exclusive": int(exclusive), "reverse": int(reverse)}
    return graph.apply("CumSum", [x, graph.symbol(whole_number(axis), INTEGERS)], node.gives, settings)


MOVING: Mapping[str, Any] = {
    "BroadcastTo": _broadcast,
    "Cast": _retyped,
    "Concat": _concat,
    "CumSum": _running_sum,
    "Depend": _itself,
    "ExpandDims": _expand_dims,
    "FillV2": _fill,
    "Gather": _gather,
    "GatherD": _gather_elements,
    "Load": _itself,
    "MakeTuple": _tuple,
    "MaskedFill": _masked_fill,
    "MaskedFillScalar": _masked_fill,
    "OneHot": _one_hot,
    "Ones": _fill,
    "OnesLike": _fill_like,
    "Range": _range,
    "Reshape": _reshape,
    "ReverseV2": _reverse,
    "ScalarToTensor": _retyped,
    "Select": _select,
    "Shape": _shape,
    "Split": _split,
    "Squeeze": _squeeze,
    "Stack": _stack,
    "StridedSlice": _slice,
    "TensorToScalar": _retyped,
    "Tile": _tile,
    "Transpose": _transpose,
    "TupleGetItem": _item,
    "Unstack": _unstack,
    "UpdateState": _nothing,
    "Zeros": _fill,
    "ZerosLike": _fill_like,
}
