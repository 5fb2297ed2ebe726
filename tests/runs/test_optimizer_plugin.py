"""An optimizer from an installed plugin that clips itself, through whole runs beside one that does not."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import importlib_metadata
import numpy as np
import pytest

from bert_core.cli.main import run
from bert_core.testing import OptimizerContract, PluginContract

FAKE = Path(__file__).parents[1] / "plugins" / "clipping"
CLIPPED = ("--max-steps", "4", "--learning-rate", "0.5", "--clip-norm", "0.1", "--no-eval")

Command = Callable[..., list[str]]


@pytest.fixture(scope="module", autouse=True)
def installed() -> Iterator[None]:
    """The plugin, beside the others."""
    (point,) = (point for found in importlib_metadata.distributions(path=[str(FAKE)]) for point in found.entry_points)
    points = [*importlib_metadata.entry_points(group="bertrun"), point]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importlib_metadata, "entry_points", lambda group: points)
        patch.syspath_prepend(FAKE)
        yield
    for name in [name for name in sys.modules if name.startswith("fake_")]:
        del sys.modules[name]


class TestContract(PluginContract):
    entry_point = "fake_clipping"


class TestOptimizer(OptimizerContract):
    name = "clipping-descent"


@pytest.mark.parametrize("accumulate", ["1", "2"])
def test_it_makes_the_updates_of_one_whose_gradients_the_host_clips(
    accumulate: str, command: Command, tmp_path: Path
) -> None:
    rows = {}
    for name, more in (("sgd", ("--weight-decay", "0")), ("clipping-descent", ())):
        words = command(tmp_path / name, *CLIPPED, "--accumulate", accumulate, "--optimizer", name, *more)
        assert run(words) == 0
        lines = (tmp_path / name / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        rows[name] = [[row["loss"], row["grad_norm"]] for line in lines if "loss" in (row := json.loads(line))]
    assert len(rows["sgd"]) == 4
    np.testing.assert_allclose(rows["clipping-descent"], rows["sgd"], rtol=1e-5)
    assert all(norm > 0.1 for _, norm in rows["sgd"])
    log = (tmp_path / "clipping-descent" / "log.txt").read_text(encoding="utf-8")
    assert log.count("optimizer: this descent clips itself") == 1
