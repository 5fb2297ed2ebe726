"""A device that cannot run here is refused at once, with what its probe found."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys

import pytest

from bert_core.assembly import ready_device
from bert_core.errors import DeviceError
from bert_core.probing import check_available
from bert_core.types import Device, DeviceSpec, Probe

ALONE = """
import sys
from bert_core.cli.main import run
code = run(sys.argv[1:])
assert not {'mindspore', 'tokenizers'} & {name.partition('.')[0] for name in sys.modules}
sys.exit(code)
"""


def spec(probe):
    return DeviceSpec(name="abacus", summary="Beads.", target="CPU", probe=probe, build=lambda *said: Device())


def test_the_sentence_holds_every_finding():
    with pytest.raises(DeviceError, match=r"the device 'abacus' cannot run here:\n  - No beads\.\n  - Buy some\.$"):
        check_available(spec(lambda: Probe(available=False, findings=("No beads.", "Buy some."))))


def test_a_device_that_is_there_is_no_error():
    there = Probe(available=True, warnings=("A bead is loose.",))
    assert check_available(spec(lambda: there)) is there


def test_a_probe_that_raises_is_told_in_a_line():
    def probe():
        raise ZeroDivisionError("no\nrods")

    with pytest.raises(DeviceError, match="the device 'abacus' cannot be probed: ZeroDivisionError: no rods"):
        check_available(spec(probe))


@pytest.mark.parametrize("more", [(), ("--vocab", "missing.txt"), ("--train-data", "missing.conll")])
def test_it_comes_before_everything_that_is_read(install, bertrun, more):
    install("every", "ner", "optimizers")
    answer = bertrun("--task", "ner", "--device", "every-device", *more)
    assert answer.code == DeviceError.exit_code
    assert answer.err == "bertrun: error: the device 'every-device' cannot run here: It is not there\n"


@pytest.mark.parametrize("device", ["ascend", "gpu"])
@pytest.mark.skipif(bool(shutil.which("npu-smi") or shutil.which("nvidia-smi")), reason="an accelerator is here")
def test_an_accelerator_that_is_not_here_is_refused_within_a_second(device):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BERTRUN_", "COV_"))}
    command = [sys.executable, "-c", ALONE, "--task", "ner", "--device", device]
    assert any(_refused(command, kept) < 1.0 for _ in range(4))


def _refused(command, environment):
    """The time that the processor took; unlike the clock, other processes hardly change it."""
    child = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == DeviceError.exit_code, said
    assert all(line.startswith("  - ") for line in said.splitlines()[1:]), said
    assert "cannot run here" in said
    return usage.ru_utime + usage.ru_stime


def test_a_devices_variables_are_there_when_it_is_built_and_the_users_own_stand(monkeypatch):
    monkeypatch.setenv("BEADS", "12")
    monkeypatch.setenv("ROWS", "")
    monkeypatch.delenv("ROWS")
    seen = []

    def build(options, device_id):
        seen.append((os.environ["BEADS"], os.environ["ROWS"]))
        return Device()

    abacus = spec(lambda: Probe(available=True))
    ready_device(dataclasses.replace(abacus, build=build, environment={"BEADS": "7", "ROWS": "3"}), None)
    assert seen == [("12", "3")]
