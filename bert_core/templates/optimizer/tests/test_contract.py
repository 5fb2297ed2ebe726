from bert_core.testing import OptimizerContract, PluginContract


class TestPlugin(PluginContract):
    entry_point = "bertrun_acme.plugin"


class TestOptimizer(OptimizerContract):
    name = "acme"
