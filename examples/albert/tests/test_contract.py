from bert_core.testing import ModelContract, PluginContract


class TestPlugin(PluginContract):
    entry_point = "bertrun_albert.plugin"


class TestModel(ModelContract):
    name = "albert"
