from __future__ import annotations

from pathlib import Path

from bert_core.testing import PluginContract


class TestContract(PluginContract):
    entry_point = "bertrun_tensorboard.plugin"
    readme = Path(__file__).parents[1] / "README.md"
