"""Whether a GPU can be used here: its wheel, its driver, its cards and CUDA's libraries.

The wheel of MindSpore 2.10.0 has `libmindspore_gpu.so.11.6`, which loads libcudart 11, libcublas 11 and libcudnn 8, and
holds kernels for compute capability 6.0 to 8.0 and code for 8.6 that a driver can translate (read with `cuobjdump`).
CUDA 11 runs on drivers from 450.80.02 on (NVIDIA, CUDA compatibility, minor versions); 510.39 is the driver that came
with CUDA 11.6. None of this has met a GPU.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bert_core import Probe

from .machine import Machine
from .notes import Notes
from .wheel import check_wheel

NEEDS = ("lib/plugin/libmindspore_gpu.so.11.6", "lib/plugin/gpu11.6")
CUDA = "11.6"
LEAST_DRIVER = (450, 80)  # of every CUDA 11
OWN_DRIVER = (510, 39)  # of CUDA 11.6; an older one cannot translate its code
CAPABILITIES = ((6, 0), (8, 99))  # a kernel for 8.0 runs on every 8.x
SECONDS = 0.7
QUERY = ("--query-gpu=name,compute_cap,memory.total,memory.free", "--format=csv,noheader,nounits")
LIBRARIES = (
    ("libcudart", "11", "CUDA 11.6", "https://developer.nvidia.com/cuda-11-6-0-download-archive"),
    ("libcublas", "11", "CUDA 11.6", "https://developer.nvidia.com/cuda-11-6-0-download-archive"),
    ("libcudnn", "8", "cuDNN 8.5 for CUDA 11", "https://developer.nvidia.com/rdp/cudnn-archive"),
)
DEFAULT_FOLDERS = ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib")
CUDA_PARTS = ("lib64", "lib", "targets/x86_64-linux/lib")


@dataclass(frozen=True)
class Card:
    """One GPU as `nvidia-smi` tells it; memory in MiB."""

    name: str
    capability: tuple[int, int]
    memory: int
    free: int


def probe(machine: Machine | None = None) -> Probe:
    """What is there of a GPU, what is missing, and how to get it."""
    machine = machine or Machine()
    notes = Notes()
    check_wheel(machine, notes, device="GPU", needs=NEEDS)
    _driver(machine, notes)
    count = _cards(machine, notes)
    for library in LIBRARIES:
        _library(machine, notes, *library)
    return notes.probe(count)


def _driver(machine: Machine, notes: Notes) -> None:
    text = machine.text("/proc/driver/nvidia/version")
    if text is None:
        notes.lacks(
            "NVIDIA's driver is not loaded (/proc/driver/nvidia/version): install 510.39 or newer from"
            " https://www.nvidia.com/drivers; in a container, use NVIDIA's container toolkit (--gpus all)."
        )
        return
    found = re.search(r"\b(\d{3,})\.(\d+)(?:\.\d+)*\b", text)
    if found is None:
        notes.has("There is a driver, and it does not say its version.")
        return
    version = (int(found[1]), int(found[2]))
    if version < LEAST_DRIVER:
        notes.lacks(f"The driver is {found[0]}, and CUDA 11 needs 450.80 or newer: https://www.nvidia.com/drivers.")
        return
    notes.has(f"The driver is {found[0]}.")
    if version < OWN_DRIVER:
        notes.warns(f"The driver is {found[0]}, older than CUDA 11.6's own, 510.39: a newer one is safer.")


def _cards(machine: Machine, notes: Notes) -> int:
    """How many can be used."""
    nodes = [name for name in machine.names("/dev") if re.fullmatch(r"nvidia\d+", name)]
    if not nodes:
        notes.lacks("No GPU is here (/dev/nvidia0, ...): in a container, use NVIDIA's container toolkit (--gpus all).")
        return 0
    said = machine.ask("nvidia-smi", *QUERY, seconds=SECONDS)
    cards = list(_told(said.text or ""))
    if not cards:
        why = said.why or "printed nothing that is known"
        notes.warns(f"nvidia-smi {why}, so what the cards are is not known: run it by hand.")
    for card in cards:
        _capable(card, notes)
    visible = machine.environment.get("CUDA_VISIBLE_DEVICES")
    count = len(cards) or len(nodes)
    if visible is not None:
        count = min(count, len([part for part in visible.split(",") if part.strip() and part.strip() != "-1"]))
    if count == 0:
        notes.lacks("CUDA_VISIBLE_DEVICES hides every card: unset it, or list numbers in it.")
    return count


def _told(text: str) -> Iterator[Card]:
    """The cards in what nvidia-smi prints; lines that are none are left out."""
    for line in text.splitlines():
        found = re.fullmatch(r"\s*(.+?),\s*(\d{1,2})\.(\d),\s*(\d{1,9})\b[^,]*,\s*(\d{1,9})\b[^,]*", line)
        if found:
            yield Card(found[1], (int(found[2]), int(found[3])), int(found[4]), int(found[5]))


def _capable(card: Card, notes: Notes) -> None:
    capability = f"{card.capability[0]}.{card.capability[1]}"
    what = f"{card.name} with compute capability {capability}"
    if card.capability < CAPABILITIES[0]:
        notes.lacks(f"{what}: this wheel has kernels for 6.0 to 8.0, and none that run there; use a newer card.")
        return
    notes.has(f"{what}, {card.free} of {card.memory} MiB free.")
    if card.capability > CAPABILITIES[1]:
        notes.warns(
            f"{what} is newer than the kernels of this wheel (6.0 to 8.0): the driver translates them, so the first"
            " start is slow, and what they give there was never tried."
        )


def _library(machine: Machine, notes: Notes, name: str, major: str, package: str, where: str) -> None:
    """Note whether the loader finds a library of the right version."""
    known = list(_found(machine, name, _loaded_from(machine)))
    beside = list(_found(machine, name, _cuda_folders(machine)))
    right = [path for path in known if _is(path, name, major)]
    hidden = [path for path in beside if _is(path, name, major)]
    if right:
        notes.has(f"{right[-1]}.")
        if name == "libcudart":
            _release(right, notes)
    elif hidden:
        folder = hidden[-1].rpartition("/")[0]
        notes.lacks(
            f"{hidden[-1]} is where the loader does not look: export LD_LIBRARY_PATH={folder}:$LD_LIBRARY_PATH."
        )
    else:
        other = f"of another version ({(known or beside)[-1]})" if known or beside else "not found"
        notes.lacks(f"{name}.so.{major} is {other}: install {package} from {where}, and name it in LD_LIBRARY_PATH.")


def _release(paths: Iterable[str], notes: Notes) -> None:
    """Warn of a CUDA 11 that is not the wheel's, where the name of its library says the release."""
    releases = {found[1] for path in paths if (found := re.search(r"libcudart\.so\.(\d+\.\d+)\.\d+", path))}
    if releases and CUDA not in releases:
        named = ", ".join(sorted(releases))
        notes.warns(f"CUDA {named} is not the {CUDA} of this wheel: install {CUDA} where something fails to load.")


def _is(path: str, name: str, major: str) -> bool:
    return re.search(rf"/{name}\.so\.{major}(\.|$)", path) is not None


def _found(machine: Machine, name: str, folders: Iterable[str]) -> Iterator[str]:
    for folder in dict.fromkeys(folders):
        yield from (f"{folder}/{file}" for file in machine.names(folder) if file.startswith(f"{name}.so."))


def _loaded_from(machine: Machine) -> Iterator[str]:
    """The folders in which the loader looks: those of the environment, of its settings, and its own."""
    yield from machine.folders("LD_LIBRARY_PATH")
    for file in ["/etc/ld.so.conf", *(f"/etc/ld.so.conf.d/{name}" for name in machine.names("/etc/ld.so.conf.d"))]:
        lines = (machine.text(file) or "").splitlines()
        yield from (line.strip() for line in lines if line.strip().startswith("/"))
    yield from DEFAULT_FOLDERS


def _cuda_folders(machine: Machine) -> Iterator[str]:
    """Where CUDA is usually installed, whether the loader looks there or not."""
    told = [machine.environment[name] for name in ("CUDA_HOME", "CUDA_PATH") if machine.environment.get(name)]
    installed = [f"/usr/local/{name}" for name in machine.names("/usr/local") if name.startswith("cuda")]
    yield from (f"{folder}/{part}" for folder in (*told, *installed) for part in CUDA_PARTS)
    if conda := machine.environment.get("CONDA_PREFIX"):
        yield f"{conda}/lib"
