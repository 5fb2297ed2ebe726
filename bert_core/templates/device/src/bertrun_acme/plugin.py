"""What this package adds to bertrun; nothing here imports MindSpore."""

import importlib.util
from dataclasses import dataclass

from bert_core import Device, DeviceSpec, Probe, hookimpl, option


@dataclass(frozen=True, kw_only=True)
class AcmeOptions:
    """What can be said of it."""

    acme_threads: int = option(1, minimum=1, help="Threads to compute with.")


def probe():
    """What is here, in less than a second, whatever is missing."""
    if importlib.util.find_spec("mindspore") is None:
        return Probe(available=False, findings=("MindSpore is not installed: pip install 'mindspore>=2.10,<2.11'.",))
    return Probe(available=True, findings=("This machine's processor.",))


def build(options, device_id):
    import mindspore as ms

    if ms.get_context("device_target") != "CPU":
        ms.set_device("CPU", device_id)
    ms.set_context(mode=ms.GRAPH_MODE)
    ms.runtime.dispatch_threads_num(options.acme_threads)
    return Device()


@hookimpl
def bertrun_register_devices():
    yield DeviceSpec(
        name="acme",
        summary="The processor, under another name.",
        target="CPU",
        options=AcmeOptions,
        probe=probe,
        build=build,
        compute_dtypes=("float32",),
        collective="mccl",
    )
