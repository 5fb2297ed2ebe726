"""What the probe of GPUs says of machines that are made up; the texts are as NVIDIA's driver prints them."""

from __future__ import annotations

import os
import re
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from bertrun_devices.gpu_probe import NEEDS, probe

VERSION = (
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  {}  Sat Feb 10 2024\nGCC version:  gcc version 12.2.0 (Debian)\n"
)
DRIVER = {"/proc/driver/nvidia/version": VERSION.format("550.54.14")}
NODES = {"/dev/nvidia0": "", "/dev/nvidia1": "", "/dev/nvidiactl": "", "/dev/nvidia-uvm": ""}
CUDA = "/usr/local/cuda-11.6/lib64"
LIBRARIES = {
    f"{CUDA}/libcudart.so.11.0": "",
    f"{CUDA}/libcudart.so.11.6.55": "",
    f"{CUDA}/libcublas.so.11": "",
    "/usr/lib/x86_64-linux-gnu/libcudnn.so.8": "",
}
CARDS = "echo 'NVIDIA A100-SXM4-40GB, 8.0, 40960, 40536'; echo 'Tesla V100-SXM2-16GB, 7.0, 16384, 16130'"


@pytest.fixture
def whole(machine):
    """A machine on which nothing is missing, but for what a test changes."""

    def whole(files=None, *, without=(), wheel=NEEDS, smi=CARDS, **said):
        files = {**DRIVER, **NODES, **LIBRARIES, **(files or {})}
        kept = {name: text for name, text in files.items() if not name.startswith(tuple(without) or "-")}
        programs = {} if smi is None else {"nvidia-smi": smi}
        return machine(kept, wheel=wheel, programs=programs, **{"LD_LIBRARY_PATH": CUDA, **said})

    return whole


def test_nothing_is_missing(whole):
    found = probe(whole())
    assert found.available
    assert (found.count, found.warnings) == (2, ())
    assert found.findings == (
        "The driver is 550.54.14.",
        "NVIDIA A100-SXM4-40GB with compute capability 8.0, 40536 of 40960 MiB free.",
        "Tesla V100-SXM2-16GB with compute capability 7.0, 16130 of 16384 MiB free.",
        f"{CUDA}/libcudart.so.11.6.55.",
        f"{CUDA}/libcublas.so.11.",
        "/usr/lib/x86_64-linux-gnu/libcudnn.so.8.",
    )


def test_on_a_machine_without_any_of_it_every_part_is_named_with_its_remedy(machine):
    found = probe(machine({}))
    assert not found.available
    assert found.count == 0
    for part in ("pip install 'mindspore", "driver is not loaded", "--gpus all", "CUDA 11.6 from", "cuDNN 8.5"):
        assert any(part in finding for finding in found.findings), part
    assert all(finding.endswith(".") for finding in found.findings)


@pytest.mark.parametrize(
    ("without", "remedy"),
    [
        ("/proc", "driver is not loaded"),
        ("/dev/nvidia", "No GPU is here"),
        (f"{CUDA}/libcudart", "libcudart.so.11 is not found"),
        (f"{CUDA}/libcublas", "libcublas.so.11 is not found"),
        ("/usr/lib", "libcudnn.so.8 is not found"),
    ],
)
def test_one_missing_part_is_enough(whole, without, remedy):
    found = probe(whole(without=(without,)))
    assert not found.available
    assert sum(remedy in finding for finding in found.findings) == 1


def test_a_wheel_without_gpu_is_told(whole):
    found = probe(whole(wheel=("lib/plugin/cpu",)))
    assert not found.available
    assert "built without GPU" in found.findings[0]


@pytest.mark.parametrize(
    ("driver", "available", "warned"), [("440.33.01", False, 0), ("470.57.02", True, 1), ("510.39.01", True, 0)]
)
def test_an_old_driver_is_told(whole, driver, available, warned):
    found = probe(whole({"/proc/driver/nvidia/version": VERSION.format(driver)}))
    assert (found.available, len(found.warnings)) == (available, warned)


def test_libraries_of_another_version_are_told(whole):
    other = {"/usr/lib/libcudart.so.12": "", "/usr/lib/x86_64-linux-gnu/libcudnn.so.9": ""}
    found = probe(whole(other, without=(CUDA, "/usr/lib/x86_64-linux-gnu/libcudnn.so.8")))
    assert not found.available
    said = " ".join(found.findings)
    assert "libcudart.so.11 is of another version (/usr/lib/libcudart.so.12)" in said
    assert "libcudnn.so.8 is of another version (/usr/lib/x86_64-linux-gnu/libcudnn.so.9)" in said


def test_libraries_where_the_loader_does_not_look_say_the_variable(whole):
    found = probe(whole(LD_LIBRARY_PATH="/nowhere"))
    assert not found.available
    assert f"export LD_LIBRARY_PATH={CUDA}:$LD_LIBRARY_PATH." in " ".join(found.findings)


def test_the_loader_s_settings_count(whole):
    assert probe(whole({"/etc/ld.so.conf.d/cuda.conf": f"# CUDA\n{CUDA}\n"}, LD_LIBRARY_PATH="")).available


def test_another_cuda_11_is_a_warning(whole):
    found = probe(whole({f"{CUDA}/libcudart.so.11.8.89": ""}, without=(f"{CUDA}/libcudart.so.11.6",)))
    assert found.available
    assert "CUDA 11.8 is not the 11.6 of this wheel" in found.warnings[0]


def test_a_card_that_is_too_old_cannot_and_one_that_is_too_new_is_slow_at_first(whole):
    old = probe(whole(smi="echo 'Tesla M40, 5.2, 11520, 11000'"))
    assert not old.available
    assert "Tesla M40 with compute capability 5.2: this wheel has kernels for 6.0 to 8.0" in " ".join(old.findings)
    new = probe(whole(smi="echo 'NVIDIA H200, 9.0, 143771, 143000'"))
    assert new.available
    assert "NVIDIA H200 with compute capability 9.0 is newer than the kernels of this wheel" in new.warnings[0]
    assert not probe(whole(smi="echo 'NVIDIA L4, 8.9, 23034, 22000'")).warnings


@pytest.mark.parametrize(
    ("smi", "why"),
    [
        (None, "is not on the path"),
        ("echo 'Field \"compute_cap\" is not a valid field to query.'; exit 2", "failed with code 2: Field"),
        ("echo 'No devices were found'", "printed nothing that is known"),
        (r"printf '\377\376, \200, x\n, , ,\n9.0'", "printed nothing that is known"),
        ("kill -SEGV $$", "failed with code"),
        ("yes 'a, b' | head -c 300000", "printed nothing that is known"),
    ],
)
def test_without_a_good_answer_of_nvidia_smi_the_nodes_are_counted(whole, smi, why):
    found = probe(whole(smi=smi))
    assert found.available
    assert found.count == 2
    assert f"nvidia-smi {why}" in found.warnings[0]


def test_an_nvidia_smi_that_hangs_is_killed_with_what_it_started(whole, tmp_path):
    started = time.monotonic()
    found = probe(whole(smi=f"/bin/sleep 60 & echo $! > {tmp_path}/child; wait"))
    assert time.monotonic() - started < 1.5
    assert "nvidia-smi did not answer in 0.7 seconds" in found.warnings[0]
    child = int((tmp_path / "child").read_text())
    for _ in range(100):
        if not _alive(child):
            return
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    pytest.fail("what nvidia-smi started lives on")


def _alive(number: int) -> bool:
    try:
        return not re.search(r"^State:\s+Z", Path(f"/proc/{number}/status").read_text(), re.MULTILINE)
    except OSError:
        return False


def test_cards_that_are_hidden_do_not_count(whole):
    assert probe(whole(CUDA_VISIBLE_DEVICES="1")).count == 1
    hidden = probe(whole(CUDA_VISIBLE_DEVICES="-1"))
    assert not hidden.available
    assert "hides every card" in " ".join(hidden.findings)


@pytest.mark.parametrize("garbage", [b"", b"\xff\xfe\x00\x80", b"NVRM version: \n", b"\0" * 100_000])
def test_garbage_in_every_file_raises_nothing(whole, garbage):
    found = probe(whole(dict.fromkeys([*DRIVER, "/etc/ld.so.conf", "/etc/ld.so.conf.d/cuda.conf"], garbage)))
    assert "There is a driver, and it does not say its version." in found.findings


def test_files_that_cannot_be_read_raise_nothing(whole):
    machine = whole(without=tuple(DRIVER))
    for name in DRIVER:
        machine.at(name).mkdir(parents=True)  # no permission keeps root from reading
    assert not probe(machine).available
    assert not probe(replace(machine, root=Path("/dev/null"))).available
