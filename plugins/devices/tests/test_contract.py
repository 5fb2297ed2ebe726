"""What every plugin and every device keeps, of this plugin's."""

from __future__ import annotations

from pathlib import Path

from bert_core.testing import DeviceContract, PluginContract


class TestContract(PluginContract):
    entry_point = "bertrun_devices.plugin"
    readme = Path(__file__).parents[1] / "README.md"


class TestProcessor(DeviceContract):
    name = "cpu"


class TestAscend(DeviceContract):
    name = "ascend"


class TestGpu(DeviceContract):
    name = "gpu"
