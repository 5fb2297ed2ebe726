"""What MindSpore is told of an accelerator; a stand-in keeps it, because no accelerator is here."""

from __future__ import annotations

import inspect
import sys
from types import SimpleNamespace

import pytest
from bertrun_devices import ascend, gpu
from bertrun_devices.made_ready import deterministic
from mindspore import context


@pytest.fixture
def told(monkeypatch):
    """What was told, in order."""
    calls = []
    stand_in = SimpleNamespace(
        GRAPH_MODE=0,
        set_device=lambda *said: calls.append(("set_device", *said)),
        set_context=lambda **said: calls.append(("set_context", said)),
        set_deterministic=lambda said: calls.append(("set_deterministic", said)),
    )
    monkeypatch.setitem(sys.modules, "mindspore", stand_in)
    deterministic.cache_clear()
    yield calls
    deterministic.cache_clear()


@pytest.mark.parametrize(
    ("device", "target", "options"), [(ascend, "Ascend", ascend.AscendOptions), (gpu, "GPU", gpu.GpuOptions)]
)
def test_number_mode_level_and_determinism_are_said_once(told, device, target, options):
    device.build(options(jit_level="O1"), 3)
    device.build(options(jit_level="O1"), 3)
    chosen = [("set_device", target, 3), ("set_context", {"mode": 0, "jit_config": {"jit_level": "O1"}})]
    assert told == [*chosen, ("set_deterministic", True), *chosen]


def test_speed_can_be_preferred(told):
    gpu.build(gpu.GpuOptions(deterministic=False), 0)
    assert not any(name == "set_deterministic" for name, *_ in told)


def test_every_level_of_the_options_is_one_that_mindspore_takes():
    for device in (ascend, gpu):
        for level in device.GRAPH_LEVELS:
            assert f'"{level}"' in inspect.getsource(context)
