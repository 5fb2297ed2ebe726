"""What the doctor finds, and what it says to do."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import time
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
from bertrun_devices.doctor import disk as disk_module
from bertrun_devices.doctor.collectives import collectives
from bertrun_devices.doctor.devices import devices
from bertrun_devices.doctor.disk import disk
from bertrun_devices.doctor.finding import Finding, findings
from bertrun_devices.doctor.memory import memory
from bertrun_devices.doctor.plugins import plugins
from bertrun_devices.doctor.versions import versions

from bert_core import Device, DeviceSpec, Probe
from bert_core.cli.main import run
from bert_core.manager import PluginManager, PluginRecord


def by_check(found):
    return {finding.check: finding for finding in found}


def test_a_check_that_fails_says_so_and_the_others_go_on():
    def failing():
        yield Finding(check="first", what="half")
        raise OSError("the disk\nis gone")

    found = list(findings([("first", failing), ("exiting", lambda: sys.exit(3)), ("last", lambda: [])]))
    assert [(one.check, one.state) for one in found] == [("first", "ok"), ("first", "problem"), ("exiting", "problem")]
    assert found[1].what == "this check failed: OSError: the disk is gone"


def test_versions_that_fit_need_no_advice():
    found = list(versions())
    assert {one.check for one in found} == {"python", "mindspore", "numpy", "packages"}
    assert not any(one.advice for one in found)
    assert f"bertrun-devices {metadata.version('bertrun-devices')}" in by_check(found)["packages"].what


def test_versions_that_do_not_fit_say_what_to_install(monkeypatch):
    def version(name):
        if name == "mindspore":
            raise metadata.PackageNotFoundError(name)
        return "2.1.3" if name == "numpy" else "0.1"

    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.setattr(platform, "python_version", lambda: "3.13.1")
    found = by_check(versions())
    assert [found[name].state for name in ("python", "mindspore", "numpy")] == ["problem"] * 3
    assert found["mindspore"].advice == "pip install 'mindspore>=2.10,<2.11'"
    assert found["numpy"].what == "2.1.3, not >=1.25,<2"
    assert "3.12" in found["python"].advice


def manager(*probes):
    """A manager of devices with these probes; the first is the preferred one."""

    def spec(number, probe):
        built = Device()
        return DeviceSpec(
            name=f"d{number}", summary="D.", target="CPU", probe=probe, build=lambda *said: built, preferred=number == 0
        )

    made = PluginManager(entry_points=[])
    specs = {f"d{number}": spec(number, probe) for number, probe in enumerate(probes)}
    made.specs = lambda kind: specs
    return made


def broken():
    raise ZeroDivisionError("no rods")


def test_the_chosen_device_stops_a_run_and_another_does_not():
    missing = Probe(available=False, findings=("No card.", "Get one."))
    both = manager(
        lambda: Probe(available=True, findings=("2 cards.",), warnings=("It is old: get a new one.",)), lambda: missing
    )
    first, warned, other = devices(both, None)
    assert (first.what, first.stops) == ("2 cards.", False)
    assert (warned.state, warned.what, warned.advice) == ("warning", "It is old", "get a new one.")
    assert (other.state, other.stops, other.what.partition(";")[0]) == ("ok", False, "not here")
    chosen, other = devices(both, "d1")
    assert (chosen.state, chosen.stops, chosen.advice) == ("problem", True, "No card.\nGet one.")
    assert other.what == "it can run here"


def test_a_probe_that_raises_is_a_device_that_cannot_run():
    (found,) = devices(manager(broken), None)
    assert (found.stops, found.advice) == (True, "Its probe failed: ZeroDivisionError: no rods.")


def test_without_any_device_nothing_can_run():
    (found,) = devices(manager(), None)
    assert (found.check, found.stops) == ("device", True)


MEMINFO = "MemTotal:       32000000 kB\nMemFree:         1000000 kB\nMemAvailable:   {} kB\n"


@pytest.mark.parametrize(
    ("files", "state", "what"),
    [
        ({"/proc/meminfo": MEMINFO.format(16 << 20)}, "ok", "16.0 GiB free"),
        ({"/proc/meminfo": MEMINFO.format(2 << 20)}, "warning", "2.0 GiB free"),
        (
            {
                "/proc/meminfo": MEMINFO.format(16 << 20),
                "/sys/fs/cgroup/memory.max": f"{4 << 30}\n",
                "/sys/fs/cgroup/memory.current": f"{3 << 30}\n",
            },
            "warning",
            "1.0 GiB free",
        ),
        (
            {
                "/proc/meminfo": MEMINFO.format(16 << 20),
                "/sys/fs/cgroup/memory.max": "max\n",
                "/sys/fs/cgroup/memory.current": f"{3 << 30}\n",
            },
            "ok",
            "16.0 GiB free",
        ),
        ({}, "ok", "how much is free is not known on this system"),
        ({"/proc/meminfo": b"\xff\x00MemAvailable: many"}, "ok", "how much is free is not known on this system"),
    ],
)
def test_memory_is_what_the_system_and_the_container_leave(machine, files, state, what):
    found = by_check(memory(machine(files)))["memory"]
    assert (found.state, found.what) == (state, what)


def test_a_folder_that_is_not_made_yet_is_judged_by_the_one_above_it(tmp_path):
    (found,) = disk("cache", tmp_path / "a" / "b", "Elsewhere.")
    assert found.state == "ok"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_says_where_to_go(tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file" / "below", Path("/proc/nowhere")):
        (found,) = disk("cache", folder, "Elsewhere.")
        assert (found.state, found.advice) == ("problem", "Elsewhere.")
        assert "cannot be written" in found.what


def test_a_full_disk_is_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(disk_module.shutil, "disk_usage", lambda place: SimpleNamespace(free=1 << 29))
    (found,) = disk("folder", tmp_path, "Elsewhere.")
    assert (found.state, "0.5 GiB free" in found.what) == ("warning", True)


def test_plugins_that_cannot_be_used_are_named_with_their_reason():
    def record(name, state, reason=""):
        return PluginRecord(name=name, distribution=f"bertrun-{name}", version="1", state=state, reason=reason)

    records = (record("a", "loaded"), record("b", "failed", "it raised"), record("c", "disabled", "blocked"))
    all_of_them, failed, disabled = plugins(SimpleNamespace(records=records))
    assert all_of_them.what == "1 loaded"
    assert (failed.state, failed.what) == ("problem", "bertrun-b 1 failed: it raised")
    assert "--no-plugin bertrun-b" in failed.advice
    assert disabled.state == "ok"


def test_two_processes_really_add_up_a_number():
    (found,) = collectives(180)
    assert found.state == "ok", found
    assert "2 processes added up a number" in found.what


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Programs that the two run in place of the real one."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "failing.py").write_text("raise RuntimeError('no network')")
    (tmp_path / "wrong.py").write_text("print('sum 4.0')")
    hanging = (
        f"import os, time\nopen(f'{tmp_path}/pid-{{os.getpid()}}', 'w')\nprint('waiting', flush=True)\ntime.sleep(600)"
    )
    (tmp_path / "hanging.py").write_text(hanging)
    return tmp_path


@pytest.mark.parametrize(("program", "last"), [("failing", "RuntimeError: no network"), ("wrong", "sum 4.0")])
def test_processes_that_fail_are_told_with_their_last_line(programs, program, last):
    (found,) = collectives(60, program)
    assert (found.state, found.what) == ("problem", f"2 processes could not add up a number (mccl): {last}")
    assert "127.0.0.1" in found.advice


def test_processes_that_hang_are_ended_in_time_and_none_is_left(programs):
    started = time.monotonic()
    (found,) = collectives(3, "hanging")
    assert time.monotonic() - started < 10
    assert found.what == "2 processes did not add up a number in 3 s (mccl): waiting"
    pids = [int(path.name.partition("-")[2]) for path in programs.glob("pid-*")]
    assert len(pids) == 3
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_the_report_has_a_line_for_each_check_and_exit_code_0(capsys):
    assert run(["doctor", "--no-collectives"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[1].rstrip(":") for line in lines} == {
        *("python", "mindspore", "numpy", "packages", "plugins", "device", "processors", "memory", "folder", "cache")
    }
    assert "ok       device cpu:" in "\n".join(lines)


@pytest.mark.skipif(bool(shutil.which("npu-smi")), reason="an Ascend is here")
def test_a_chosen_device_that_cannot_run_is_exit_code_5(capsys):
    assert run(["doctor", "--no-collectives", "--device", "ascend", "--json"]) == 5
    report = json.loads(capsys.readouterr().out)
    assert report["can_run"] is False
    (stopping,) = (one for one in report["findings"] if one["stops"])
    assert (stopping["check"], stopping["state"]) == ("device ascend", "problem")
    assert "CANN is not found" in stopping["advice"]


def test_a_device_that_nobody_knows_is_a_plugin_error(capsys):
    assert run(["doctor", "--device", "abacus"]) == 3
    assert "no device named 'abacus'" in capsys.readouterr().err


def test_the_cache_is_the_one_that_the_environment_names(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("BERTRUN_CACHE", os.fspath(tmp_path / "cache"))
    assert run(["doctor", "--no-collectives"]) == 0
    assert f"cache: {tmp_path}/cache, " in capsys.readouterr().out
