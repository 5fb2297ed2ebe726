from bert_core.testing import DeviceContract, PluginContract


class TestPlugin(PluginContract):
    entry_point = "bertrun_acme.plugin"


class TestDevice(DeviceContract):
    name = "acme"
