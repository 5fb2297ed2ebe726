"""A device from an installed plugin, through a whole run: nothing in the host knows it."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import importlib_metadata
import numpy as np
import pytest

from bert_core.cli.main import run
from bert_core.errors import DeviceError
from bert_core.plan import read_toml
from bert_core.testing import DeviceContract, PluginContract

FAKE = Path(__file__).parents[1] / "plugins" / "abacus"

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
    for name in [name for name in sys.modules if name.startswith("fake_abacus")]:
        del sys.modules[name]


class TestContract(PluginContract):
    entry_point = "fake_abacus"


class TestDevice(DeviceContract):
    name = "abacus"


def test_it_is_described_with_all_that_its_spec_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["describe", "device", "abacus"]) == 0
    page = capsys.readouterr().out.splitlines()
    assert page[:7] == [
        "device abacus (bertrun-abacus 0.1)",
        "Beads on rods.",
        "It can run here: Its beads are here. One is loose.",
        "It computes in float32.",
        "Several of them compute together over mccl.",
        "Its graphs are compiled at O0.",
        "Set where nobody has: ABACUS_RODS=10.",
    ]
    assert "--rods INTEGER" in "\n".join(page)


def test_a_run_computes_on_it_with_its_operator(command: Command, tmp_path: Path) -> None:
    more = ("--max-steps", "4", "--no-eval", "--hidden-act", "relu")
    assert run(command(tmp_path / "own", *more, "--device", "abacus", "--rods", "7")) == 0
    assert len(sys.modules["fake_abacus_operators"].MADE) == 1  # one layer
    assert json.loads((tmp_path / "own" / "environment.json").read_text())["device"] == "abacus"
    assert read_toml(tmp_path / "own" / "run.toml")["device"] == {"name": "abacus", "rods": 7}
    assert run(command(tmp_path / "plain", *more)) == 0
    own, plain = (_losses(tmp_path / name) for name in ("own", "plain"))
    assert len(own) == 4
    np.testing.assert_allclose(own, plain, rtol=1e-6)


def _losses(folder: Path) -> list[float]:
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [row["loss"] for line in lines if "loss" in (row := json.loads(line))]


def test_where_its_probe_says_no_a_run_ends_at_once(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.import_module("fake_abacus"), "BEADS", tmp_path / "beads")
    assert run(command(tmp_path / "none", "--device", "abacus")) == DeviceError.exit_code
    assert "the device 'abacus' cannot run here: It has no beads: put some at beads\n" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
