from bert_core.testing import ModelContract, PluginContract


class TestPlugin(PluginContract):
    entry_point = "bertrun_acme.plugin"


class TestModel(ModelContract):
    name = "acme"
