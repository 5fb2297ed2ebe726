"""Networks as ONNX files: the graph that MindSpore compiled, said operator by operator."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from bert_core.errors import UsageError

from .formats import Format, Tensors, Written
from .graph import OPEN, Graph, Node, read_graph
from .inputs import Batch, Input
from .mindir import write_mindir
from .onnx_graph import InexpressibleError, OnnxGraph, Symbol, check_onnx, onnx_type
from .operators import COMPUTING
from .shape_operators import MOVING

OPERATORS = {**COMPUTING, **MOVING}
OPSET = 18
IR_VERSION = 8  # that of the release in which OPSET came, so that runtimes of that age read it
LARGEST = 2**31 - 1  # bytes of one message; the weights of a larger network stand in a file beside it


def export_onnx(network: Any, inputs: Sequence[Input], outputs: Sequence[str], folder: Path) -> Written:
    """Compile a network and write it as `model.onnx`.

    Args:
        network: A cell of the inputs, in order.
        inputs: Its inputs.
        outputs: The names of what it gives.
        folder: An existing folder.

    Raises:
        UsageError: It has operators that are not said in ONNX here.
    """
    with tempfile.TemporaryDirectory() as scratch:
        graph = read_graph(write_mindir(network, inputs, outputs, Path(scratch)).path)
    parameters = {parameter.name: parameter.asnumpy() for parameter in network.get_parameters()}
    write_onnx(graph, parameters, inputs, outputs, folder / "model.onnx")
    return Written(folder / "model.onnx", graph.results)


def run_onnx(path: Path, batches: Sequence[Batch]) -> list[Tensors]:
    """What the network gives for each batch, computed by ONNX Runtime on the processor."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [taken.name for taken in session.get_inputs()]
    return [session.run(None, {name: batch[name] for name in names}) for batch in batches]


def write_onnx(
    graph: Graph,
    parameters: Mapping[str, NDArray[Any]],
    inputs: Sequence[Input],
    outputs: Sequence[str],
    path: Path,
) -> None:
    """Write a network.

    Args:
        graph: The network.
        parameters: The values of its parameters, by their own names.
        inputs: What its inputs are called, in order.
        outputs: What each tensor that it gives is called, in order.
        path: The file.

    Raises:
        UsageError: It has operators that are not said in ONNX here.
    """
    import onnx
    from onnx import helper

    _check(graph)
    built = OnnxGraph()
    values: dict[str, Any] = dict(graph.constants)
    for (name, kind), item in zip(graph.inputs.items(), inputs, strict=True):
        values[name] = Symbol(item.name, kind)
    values |= {name: built.parameter(own, parameters[own]) for name, own in graph.parameters.items()}
    for node in graph.nodes:
        values[node.output] = _said(built, node, [values[name] for name in node.inputs])
    given = values[graph.output]
    symbols = [built.symbol(value) for value in (given if isinstance(given, tuple) else (given,))]
    built.nodes += [helper.make_node("Identity", [s.name], [name]) for s, name in zip(symbols, outputs, strict=True)]
    declared = [_declared(item.name, item.dtype, item.axes) for item in inputs]
    results = [_result(name, symbol) for name, symbol in zip(outputs, symbols, strict=True)]
    body = helper.make_graph(built.nodes, "bertrun", declared, results, built.constants)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="bertrun")
    model.ir_version = IR_VERSION
    beside = sum(len(constant.raw_data) for constant in built.constants) > LARGEST * 0.9
    onnx.save_model(model, str(path), save_as_external_data=beside, location=f"{path.name}.data" if beside else None)


def _check(graph: Graph) -> None:
    """Refuse, before anything is written, what is certain not to be expressed."""
    hint = "Say --format mindir, which holds every operator"
    if graph.calls:
        raise UsageError("this network has a loop or a branch, which is not translated into ONNX", hint=hint)
    unknown = sorted({node.operator for node in graph.nodes} - OPERATORS.keys())
    if unknown:
        listed = ", ".join(unknown)
        raise UsageError(f"this network uses operators that are not translated into ONNX: {listed}", hint=hint)


def _said(built: OnnxGraph, node: Node, arguments: Sequence[Any]) -> Any:
    try:
        return OPERATORS[node.operator](built, node, *arguments)
    except InexpressibleError as error:
        what = f"the network's operator {node.operator} {error}, in the translation into ONNX"
        raise UsageError(what, hint="Say --format mindir, which holds every operator") from None


def _result(name: str, symbol: Symbol) -> Any:
    return _declared(name, symbol.kind.dtype, [None if size == OPEN else size for size in symbol.kind.shape])


def _declared(name: str, dtype: str, axes: Sequence[int | str | None]) -> Any:
    from onnx import helper

    return helper.make_tensor_value_info(name, onnx_type(dtype), axes)


def _served() -> Mapping[str, Any]:
    from .served_operators import SERVED

    return SERVED


ONNX = Format(
    told="ONNX: the graph that MindSpore compiles, said operator by operator; loops and branches are not translated",
    packages=("mindspore", "onnx", "onnxruntime"),
    operators=_served,
    check=check_onnx,
    write=export_onnx,
    run=run_onnx,
)
