from bert_core.testing import PluginContract


class TestContract(PluginContract):
    entry_point = "bertrun_table.plugin"
