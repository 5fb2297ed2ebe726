"""Loading holds the model and a tensor or two, never the file beside it."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from bert_core.weights.convert import Target, convert
from bert_core.weights.formats.safetensors_writer import write_safetensors
from bert_core.weights.opened import Weights
from bert_core.weights.sizes import encoder_shapes

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "load_memory.py"
# 61 MiB in 133 tensors, of which the largest has 6.
CONFIG = {
    "model_type": "bert",
    "vocab_size": 4000,
    "hidden_size": 384,
    "num_hidden_layers": 8,
    "num_attention_heads": 6,
    "intermediate_size": 1536,
    "max_position_embeddings": 64,
    "type_vocab_size": 2,
}

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="no /proc/self/clear_refs: only Linux keeps the greatest size"
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    (folder / "config.json").write_text(json.dumps(CONFIG), "utf-8")
    shapes, random = encoder_shapes(CONFIG), np.random.default_rng(0)
    tensors = ((name, random.standard_normal(shape, np.float32)) for name, shape in shapes.items())
    write_safetensors(folder / "model.safetensors", shapes, tensors)
    return folder


def measured(folder: Path) -> Mapping[str, int]:
    """What loading took in a process of its own."""
    command = [sys.executable, str(PROGRAM), "--one", str(folder)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: Mapping[str, int] = json.loads(out.splitlines()[-1])
    return found


@pytest.mark.parametrize("target", ["hf", "modelzoo", "tf-names"])
def test_the_file_is_not_held_beside_the_model(source: Path, tmp_path: Path, target: Target) -> None:
    weights = Weights(source)
    convert(weights, tmp_path / "weights", target, lambda line: None)
    size = 4 * sum(map(math.prod, weights.shapes().values()))
    found = measured(tmp_path / "weights")
    assert found["model"] == size
    # Two tensors and what allocators keep; the whole file beside the model would be more.
    assert found["peak"] < size + size // 2 + 2 * found["tensor"]
