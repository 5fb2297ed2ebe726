"""Whether an Ascend can be used here: its wheel, its driver, its devices and CANN.

Which CANN is accepted stands in the wheel of MindSpore 2.10.0 (`run_check/_check_version.py`, which only warns of
another one). Where drivers and CANN write their versions is from memory of Huawei's installers, checked by nothing
here; where a file is another, the probe finds no version and says so. None of this has met an Ascend.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bert_core import Probe

from .machine import Machine
from .notes import Notes
from .wheel import check_wheel

NEEDS = ("lib/plugin/libmindspore_ascend.so.2", "lib/plugin/ascend")
CANN_ACCEPTED = ("8.2", "8.3", "8.5", "9.0", "9.1")
DRIVER = "/usr/local/Ascend/driver/version.info"
CANN_VARIABLES = ("ASCEND_HOME_PATH", "ASCEND_TOOLKIT_HOME")
CANN_FOLDERS = (
    "/usr/local/Ascend/ascend-toolkit/latest",
    "/usr/local/Ascend/cann",
    "/usr/local/Ascend/latest",
    "/usr/local/Ascend/nnae/latest",
)
PACKAGES = ("toolkit", "nnae", "cann")
DRIVERS_AT = "https://www.hiascend.com/hardware/firmware-drivers"
CANN_AT = "https://www.hiascend.com/cann"


def probe(machine: Machine | None = None) -> Probe:
    """What is there of an Ascend, what is missing, and how to get it."""
    machine = machine or Machine()
    notes = Notes()
    check_wheel(machine, notes, device="Ascend", needs=NEEDS)
    _driver(machine, notes)
    count = _devices(machine, notes)
    _cann(machine, notes)
    return notes.probe(count)


def _driver(machine: Machine, notes: Notes) -> None:
    text = machine.text(DRIVER)
    version = _value(text or "", "Version")
    if version:
        notes.has(f"The driver is {version}.")
    elif text is not None or machine.has("npu-smi"):
        notes.has("There is a driver, and it does not say its version.")
    else:
        notes.lacks(
            f"The Ascend driver is not found ({DRIVER}, npu-smi): install driver and firmware from {DRIVERS_AT};"
            " in a container, mount /usr/local/Ascend/driver."
        )


def _devices(machine: Machine, notes: Notes) -> int:
    """How many can be used."""
    nodes = [f"/dev/{name}" for name in machine.names("/dev") if re.fullmatch(r"davinci\d+", name)]
    if not nodes:
        notes.lacks(
            "No Ascend is here (/dev/davinci0, ...): in a container, start it with --device=/dev/davinci0"
            " --device=/dev/davinci_manager --device=/dev/devmm_svm --device=/dev/hisi_hdc."
        )
        return 0
    closed = [node for node in nodes if not machine.opens(node)]
    if len(closed) == len(nodes):
        notes.lacks(f"{', '.join(closed)} cannot be opened: add this user to the group HwHiAiUser.")
        return 0
    visible = machine.environment.get("ASCEND_RT_VISIBLE_DEVICES")
    count = len(nodes) if visible is None else len([part for part in visible.split(",") if part.strip().isdigit()])
    if count == 0:
        notes.lacks("ASCEND_RT_VISIBLE_DEVICES hides every device: unset it, or list numbers in it.")
    else:
        notes.has(f"{count} {'device' if count == 1 else 'devices'}.")
    return count


def _cann(machine: Machine, notes: Notes) -> None:
    accepted = ", ".join(CANN_ACCEPTED)
    found = next(((folder, version) for folder in _folders(machine) if (version := _version(machine, folder))), None)
    if found is None:
        notes.lacks(
            f"CANN is not found ({CANN_VARIABLES[0]}, {CANN_FOLDERS[0]}, ...): install CANN {CANN_ACCEPTED[-1]}"
            f" with its operator package from {CANN_AT}, then source its set_env.sh; MindSpore 2.10 accepts {accepted}."
        )
        return
    folder, version = found
    if not machine.environment.get("ASCEND_OPP_PATH"):
        notes.lacks(
            f"CANN {version} is in {folder} and its environment is not set: source set_env.sh in it or above it."
        )
        return
    notes.has(f"CANN {version} in {folder}.")
    if ".".join(version.split(".")[:2]) not in CANN_ACCEPTED:
        notes.warns(
            f"CANN {version} is none that MindSpore 2.10 accepts ({accepted}): install one of these from {CANN_AT}."
        )


def _folders(machine: Machine) -> Iterator[str]:
    """Where CANN may be."""
    yield from (machine.environment[name] for name in CANN_VARIABLES if machine.environment.get(name))
    home = machine.environment.get("HOME", "")
    for above in ("/usr/local/Ascend", f"{home}/Ascend"):
        yield from (folder.replace("/usr/local/Ascend", above) for folder in CANN_FOLDERS)
        yield from (f"{above}/{name}" for name in reversed(machine.names(above)) if name.startswith("cann-"))


def _version(machine: Machine, folder: str) -> str:
    """The version of the CANN in a folder, or nothing: as its installer says it, else as its parts do."""
    inside = [folder, *(f"{folder}/{name}" for name in machine.names(folder) if name.endswith("-linux"))]
    for path in (f"{place}/ascend_{package}_install.info" for place in inside for package in PACKAGES):
        if version := _value(machine.text(path) or "", "version"):
            return version
    listed = re.search(r"=\[[^\]:\n]*:([\w.]+)\]", machine.text(f"{folder}/version.cfg") or "")
    if listed:
        return listed[1]
    parts = machine.text(f"{folder}/compiler/version.info") or machine.text(
        f"{folder}/share/info/compiler/version.info"
    )
    return _value(parts or "", "version_dir") or _value(parts or "", "Version")


def _value(text: str, name: str) -> str:
    """What stands behind `name=`, where it looks like a version."""
    found = re.search(rf"^{name}=\s*([\w.+-]+)\s*$", text, re.MULTILINE)
    return found[1] if found else ""
