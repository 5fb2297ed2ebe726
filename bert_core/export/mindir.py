"""Networks as MindIR files, MindSpore's own format."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bert_core.interrupt import ctrl_c_later

from .formats import Format, Written
from .graph import read_graph
from .inputs import Batch, Input


def write_mindir(network: Any, inputs: Sequence[Input], folder: Path) -> Written:
    """Compile a network and write it as `model.mindir`.

    Above one gigabyte MindSpore writes `model_graph.mindir` and the weights into `model_variables/` instead.

    Args:
        network: A cell of the inputs, in order.
        inputs: Its inputs.
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
    return Written(path, read_graph(path).gives)


def run_mindir(path: Path, batches: Sequence[Batch]) -> list[NDArray[np.float32]]:
    """The logits of each batch."""
    import mindspore as ms

    with ctrl_c_later():
        network = ms.nn.GraphCell(ms.load(str(path)))
        return [network(*map(ms.Tensor, batch.values())).asnumpy() for batch in batches]


MINDIR = Format(
    told="MindIR: MindSpore loads it without bertrun; it compiles the graph for each new size of a batch",
    packages=("mindspore",),
    operators=dict,
    check=lambda: None,
    write=write_mindir,
    run=run_mindir,
)
