"""A network as a MindIR file spells it out: its operators in order, with what each takes and gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

# MindIR's numbers of the types of tensors; ONNX has the same ones.
DTYPES = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    9: "bool",
    10: "float16",
    11: "float64",
}
OPEN = -1  # a size that is not fixed


@dataclass(frozen=True)
class Kind:
    """What a tensor is.

    Args:
        dtype: The name of its NumPy type.
        shape: Its sizes, `OPEN` where one is not fixed; a scalar has none.
    """

    dtype: str
    shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class Unknown:
    """A constant of a type that is not read here.

    Args:
        type: MindIR's name of it.
    """

    type: str


@dataclass(frozen=True)
class Node:
    """One operator at work.

    Args:
        operator: Its name.
        inputs: The names of its arguments.
        output: The name of what it gives.
        gives: Its `Kind`; of a tuple, a tuple of kinds; None where it is no value.
        settings: What the operator was built with.
    """

    operator: str
    inputs: tuple[str, ...]
    output: str
    gives: Any
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Graph:
    """A network.

    Args:
        inputs: Its arguments in order.
        parameters: The names of its parameters in the graph and, for each, its own name; values are not read.
        constants: The values that stand in it.
        nodes: Its operators, each after those that it takes from.
        output: The name of what it gives.
        gives: The `Kind` of what it gives, as a node says it: of several tensors a tuple.
        calls: Whether operators call other graphs: loops and branches.
    """

    inputs: Mapping[str, Kind]
    parameters: Mapping[str, str]
    constants: Mapping[str, Any]
    nodes: Sequence[Node]
    output: str
    gives: Any
    calls: bool

    @property
    def results(self) -> tuple[Kind, ...]:
        """The `Kind` of each tensor that it gives."""
        return self.gives if isinstance(self.gives, tuple) else (self.gives,)


def read_graph(path: Path) -> Graph:
    """Read the graph of a MindIR file; weights that MindSpore put into files beside it are not needed."""
    from mindspore.train import mind_ir_pb2

    model = mind_ir_pb2.ModelProto()
    model.ParseFromString(path.read_bytes())
    operators = {entry.name: entry for entry in model.primitives}
    graph = model.graph
    constants = {node.output[0]: _value(node.attribute[0]) for node in graph.node if node.op_type == "Constant"}
    nodes = [_node(node, operators) for node in graph.node if node.op_type != "Constant"]
    inputs = {entry.name: _kind(entry.tensor[0]) for entry in graph.input}
    parameters = {entry.name: entry.name.partition(":")[2] for entry in graph.parameter}
    (output,) = (entry.name for entry in graph.output)
    kinds = {node.output: node.gives for node in nodes}
    return Graph(
        inputs=inputs,
        parameters=parameters,
        constants=constants,
        nodes=nodes,
        output=output,
        gives=kinds.get(output),
        calls=bool(model.functions),
    )


def _node(node: Any, operators: Mapping[str, Any]) -> Node:
    operator = operators.get(node.op_type.removeprefix("REF::"))
    shapes = [attribute for attribute in node.attribute if attribute.name == "shape"]
    return Node(
        operator=node.op_type if operator is None else operator.op_type,
        inputs=tuple(node.input),
        output=node.output[0],
        gives=_kinds(shapes[0]) if shapes else None,
        settings={} if operator is None else {entry.name: _value(entry) for entry in operator.attribute},
    )


def _kinds(attribute: Any) -> Any:
    if attribute.values:
        return tuple(_kinds(item) for item in attribute.values)
    if not attribute.tensors:
        return None
    kind = _kind(attribute.tensors[0])
    return Kind(kind.dtype) if _type(attribute) == "SCALAR" else kind


def _kind(tensor: Any) -> Kind:
    return Kind(DTYPES.get(tensor.data_type, f"type {tensor.data_type}"), tuple(tensor.dims))


def _type(attribute: Any) -> str:
    return str(type(attribute).AttributeType.Name(attribute.type))


def _value(attribute: Any) -> Any:
    """A constant: a number, a text, an array, a tuple of such, None or `Unknown`."""
    kind = _type(attribute)
    if kind in ("TUPLE", "LIST"):
        return tuple(_value(item) for item in attribute.values)
    if kind in ("NONE", "UMONAD", "IOMONAD"):
        return None
    if kind == "TENSORS" and len(attribute.tensors) == 1 and attribute.tensors[0].data_type in DTYPES:
        tensor = attribute.tensors[0]
        return np.frombuffer(tensor.raw_data, DTYPES[tensor.data_type]).reshape(tuple(tensor.dims))
    for name, make in (("BOOL", bool), ("INT", int), ("UINT", int), ("FLOAT", float), ("DOUBLE", float)):
        if kind.startswith(name):
            return make(_scalar(attribute, {"FLOAT": "f", "DOUBLE": "d"}.get(kind, "i")))
    return _scalar(attribute, "s").decode("utf-8", "replace") if kind == "STRING" else Unknown(kind)


def _scalar(attribute: Any, field: str) -> Any:
    """The items of tuples stand in the fields of lists."""
    lists = {"i": attribute.ints, "f": attribute.floats, "d": attribute.doubles, "s": attribute.strings}
    return getattr(attribute, field) if attribute.HasField(field) or not lists[field] else lists[field][0]
