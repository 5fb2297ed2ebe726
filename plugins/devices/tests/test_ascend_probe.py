"""What the probe of Ascend says of machines that are made up; the files are as Huawei's installers leave them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from bertrun_devices.ascend_probe import CANN_ACCEPTED, NEEDS, probe
from bertrun_devices.machine import Machine

TOOLKIT = "/usr/local/Ascend/ascend-toolkit/latest"
DRIVER = {"/usr/local/Ascend/driver/version.info": "Version=25.5.0\nascendhal_version=7.35.23\n"}
INFO = "package_name=Ascend-cann-toolkit\nversion=8.5.0\ninnerversion=V100R001C25\narch=x86_64\n"
CANN = {f"{TOOLKIT}/x86_64-linux/ascend_toolkit_install.info": INFO}
NODES = {"/dev/davinci0": "", "/dev/davinci1": "", "/dev/davinci_manager": "", "/dev/null": ""}
SET = {"ASCEND_OPP_PATH": f"{TOOLKIT}/opp"}


@pytest.fixture
def whole(machine):
    """A machine on which nothing is missing, but for what a test changes."""

    def whole(files=None, *, without=(), wheel=NEEDS, programs=None, **said):
        files = {**DRIVER, **CANN, **NODES, **(files or {})}
        kept = {name: text for name, text in files.items() if not name.startswith(tuple(without) or "-")}
        return machine(kept, wheel=wheel, programs=programs, **{**SET, **said})

    return whole


def test_nothing_is_missing(whole):
    found = probe(whole())
    assert found.available
    assert (found.count, found.warnings) == (2, ())
    assert found.findings == ("The driver is 25.5.0.", "2 devices.", f"CANN 8.5.0 in {TOOLKIT}.")


def test_on_a_machine_without_any_of_it_every_part_is_named_with_its_remedy(machine):
    found = probe(machine({}))
    assert not found.available
    assert found.count == 0
    for part in ("pip install 'mindspore", "driver and firmware from https", "--device=/dev/davinci0", "set_env.sh"):
        assert any(part in finding for finding in found.findings), part
    assert all(finding.endswith(".") for finding in found.findings)


@pytest.mark.parametrize(
    ("without", "remedy"),
    [
        ("/usr/local/Ascend/driver", "driver is not found"),
        ("/dev/davinci", "No Ascend is here"),
        (TOOLKIT, "CANN is not found"),
    ],
)
def test_one_missing_part_is_enough(whole, without, remedy):
    found = probe(whole(without=(without,)))
    assert not found.available
    assert sum(remedy in finding for finding in found.findings) == 1


def test_a_wheel_without_ascend_is_told(whole):
    found = probe(whole(wheel=("lib/plugin/cpu",)))
    assert not found.available
    assert "built without Ascend" in found.findings[0]


def test_npu_smi_alone_is_a_driver_and_is_not_run(whole):
    found = probe(whole(without=("/usr/local/Ascend/driver",), programs={"npu-smi": "sleep 60"}))
    assert found.available
    assert "does not say its version" in found.findings[0]


@pytest.mark.parametrize("version", ["8.0.RC2", "7.0.1", "10.0.0"])
def test_a_cann_that_mindspore_does_not_accept_is_a_warning_as_it_is_to_mindspore(whole, version):
    found = probe(whole({f"{TOOLKIT}/x86_64-linux/ascend_toolkit_install.info": f"version={version}\n"}))
    assert found.available
    assert f"CANN {version} is none that MindSpore 2.10 accepts" in found.warnings[0]


@pytest.mark.parametrize(
    ("name", "text", "version"),
    [
        ("version.cfg", "# version: 1.0\nruntime_running_version=[8.2.0.1.220:8.2.RC1]\n", "8.2.RC1"),
        ("compiler/version.info", "Version=8.3.0.1.1\nversion_dir=8.3.RC1\n", "8.3.RC1"),
        ("compiler/version.info", "Version=9.1.0\n", "9.1.0"),
        ("ascend_nnae_install.info", "version=9.0.0\n", "9.0.0"),
    ],
)
def test_the_version_stands_in_any_of_these_files(whole, name, text, version):
    found = probe(whole({f"/opt/cann/{name}": text}, without=(TOOLKIT,), ASCEND_HOME_PATH="/opt/cann"))
    assert f"CANN {version} in /opt/cann." in found.findings
    assert not found.warnings


def test_what_the_environment_names_comes_before_the_usual_folders(whole):
    machine = whole({"/opt/cann/ascend_cann_install.info": "version=9.1.0\n"}, ASCEND_HOME_PATH="/opt/cann")
    assert "CANN 9.1.0 in /opt/cann." in probe(machine).findings


def test_of_folders_with_a_version_in_their_names_the_newest_is_taken(whole):
    files = {f"/root/Ascend/cann-{version}/version.cfg": f"a=[1:{version}]\n" for version in ("8.5.0", "9.0.0")}
    assert "CANN 9.0.0 in /root/Ascend/cann-9.0.0." in probe(whole(files, without=(TOOLKIT,))).findings


def test_cann_without_its_environment_says_what_to_source(whole):
    found = probe(whole(ASCEND_OPP_PATH=""))
    assert not found.available
    assert "source set_env.sh" in found.findings[-1]


def test_devices_that_are_hidden_do_not_count(whole):
    assert probe(whole(ASCEND_RT_VISIBLE_DEVICES="1")).count == 1
    hidden = probe(whole(ASCEND_RT_VISIBLE_DEVICES=""))
    assert not hidden.available
    assert "hides every device" in " ".join(hidden.findings)


def test_devices_that_cannot_be_opened_say_the_group(whole, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: "davinci" not in str(path))
    found = probe(whole())
    assert not found.available
    assert "HwHiAiUser" in " ".join(found.findings)


@pytest.mark.parametrize("garbage", [b"", b"\xff\xfe\x00\x80", b"Version=\n", b"\0" * 100_000, "版本=8.5".encode()])
def test_garbage_in_every_file_raises_nothing(whole, garbage):
    names = [*DRIVER, *CANN, f"{TOOLKIT}/version.cfg", f"{TOOLKIT}/compiler/version.info"]
    found = probe(whole(dict.fromkeys(names, garbage)))
    assert not found.available
    assert "There is a driver, and it does not say its version." in found.findings


def test_files_that_cannot_be_read_raise_nothing(whole):
    machine = whole(without=(*DRIVER, *CANN))
    for name in (*DRIVER, *CANN):
        machine.at(name).mkdir(parents=True)  # no permission keeps root from reading
    assert not probe(machine).available
    assert not probe(replace(machine, root=Path("/dev/null"))).available


def test_what_is_accepted_is_what_the_wheel_checks():
    text = (Machine().wheel / "run_check" / "_check_version.py").read_text(encoding="utf-8")
    listed = re.search(r"class AscendEnvChecker.*?self\.version = \[(.*?)\]", text, re.DOTALL)
    assert tuple(re.findall(r"[\d.]+", listed[1])) == CANN_ACCEPTED
