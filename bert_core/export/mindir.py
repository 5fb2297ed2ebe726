"""Networks as MindIR files, MindSpore's own format."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bert_core.interrupt import ctrl_c_later

from .formats import Format, Tensors, Written
from .graph import read_graph
from .inputs import Batch, Input


def write_mindir(network: Any, inputs: Sequence[Input], outputs: Sequence[str], folder: Path) -> Written:
    """Compile a network and write it as `model.mindir`.

    Above one gigabyte MindSpore writes `model_graph.mindir` and the weights into `model_variables/` instead.

    Args:
        network: A cell of the inputs, in order.
        inputs: Its inputs.
        outputs: The names of what it gives, which the format does not hold.
        folder: An existing folder.
    """
    import mindspore as ms

    arguments = [ms.Tensor(shape=item.sizes, dtype=getattr(ms, item.dtype)) for item in inputs]
    network.set_train(False)
    # MindSpore refuses paths with blanks and letters beyond ASCII, and leaves files that only their owner reads.
    with tempfile.TemporaryDirectory() as scratch:
        with ctrl_c_later():
            ms.export(network, *arguments, file_name=f"{scratch}/model", file_format="MINDIR")
        for written in sorted(Path(scratch).rglob("*")):
            written.chmod(0o755 if written.is_dir() else 0o644)
        for written in sorted(Path(scratch).iterdir()):
            shutil.move(written, folder / written.name)
    (path,) = folder.glob("*.mindir")
    return Written(path, read_graph(path).results)


def run_mindir(path: Path, batches: Sequence[Batch]) -> list[Tensors]:
    """What the network gives for each batch."""
    import mindspore as ms

    with ctrl_c_later():
        network = ms.nn.GraphCell(ms.load(str(path)))
        return [arrays(network(*map(ms.Tensor, batch.values()))) for batch in batches]


def arrays(given: Any) -> Tensors:
    """What a network gives, one tensor or several, as arrays."""
    return [tensor.asnumpy() for tensor in (given if isinstance(given, tuple) else (given,))]


MINDIR = Format(
    told="MindIR: MindSpore loads it without bertrun; it compiles the graph for each new size of a batch",
    packages=("mindspore",),
    operators=dict,
    check=lambda: None,
    write=write_mindir,
    run=run_mindir,
)
