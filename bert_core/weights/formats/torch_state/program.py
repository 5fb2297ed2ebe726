"""The program: reads the pickle in a file on its standard input, prints one JSON object."""

from __future__ import annotations

import json
import sys
from typing import Any

from .machine import Machine
from .source import Refused, Source
from .tensors import Tensor

try:
    import resource
except ImportError:  # Windows has none; what the machine counts is limited there too
    resource = None  # type: ignore[assignment]

ANSWER_LIMIT = 16 << 20  # bytes of JSON
_TENSORS_LIMIT = 1 << 14
_MEMORY, _PROCESSOR_SECONDS = 512 << 20, 20
_MAGIC, _VERSION = 0x1950A86A20F9469CFC6C, 1001  # of torch/serialization.py
_NESTED_UNDER = ("state_dict", "model", "model_state_dict")


def main(layout: str, start: str, end: str) -> None:
    """Print what a file describes from one byte to another, or why it is refused.

    Args:
        layout: `bare` for one pickle, `headed` for a whole file of torch before 1.6.
        start: The first byte.
        end: The byte behind the last.
    """
    _limit_this_process()
    file = sys.stdin.buffer
    file.seek(int(start))
    describe = {"bare": bare, "headed": headed}[layout]
    try:
        answer = json.dumps(describe(Source(file, int(end) - int(start))))
        if len(answer) > ANSWER_LIMIT:
            raise Refused("it describes more than any state dict does")
    except Refused as error:
        answer = json.dumps({"refused": str(error)})
    except MemoryError:
        answer = json.dumps({"refused": f"its pickle needs more than {_MEMORY} bytes of memory"})
    sys.stdout.write(answer)


def bare(source: Source) -> dict[str, Any]:
    """What the `data.pkl` of torch's zip archives describes.

    Raises:
        Refused: It is no pickle of a state dict.
    """
    machine = Machine(source)
    value = machine.run()
    if source.left:
        raise Refused(f"{source.left} bytes follow its pickle")
    return _described(value, machine)


def headed(source: Source) -> dict[str, Any]:
    """What a file of torch before 1.6 describes: five pickles, of which the fourth is the state dict.

    Returns:
        As `bare`, with the `order` of the storages that follow at the byte `end`.

    Raises:
        Refused: It is no such file.
    """
    machine = Machine(source)
    if machine.run() != _MAGIC:
        raise Refused("it does not begin with the number that torch.save writes")
    version, written_on = machine.run(), machine.run()
    if version != _VERSION or type(written_on) is not dict:
        raise Refused(f"its version is not {_VERSION}, the only one that torch wrote")
    if written_on.get("little_endian") is not True:
        raise Refused("it was written on a big-endian machine")
    description = _described(machine.run(), machine)
    order = machine.run()
    if type(order) is not list or not all(type(key) is str for key in order):
        raise Refused("the order of its storages is no list of keys")
    if sorted(order) != sorted(machine.storages):
        raise Refused("the storages that it lists are not those of its tensors")
    return {**description, "order": order, "end": source.place}


def _described(value: Any, machine: Machine) -> dict[str, Any]:
    tensors, others = _state(value)
    if len(tensors) > _TENSORS_LIMIT:
        raise Refused(f"it holds {len(tensors)} tensors, more than the {_TENSORS_LIMIT} that are read")
    return {
        "tensors": {
            name: [tensor.storage.key, tensor.dtype, tensor.offset, tensor.shape, tensor.strides]
            for name, tensor in tensors.items()
        },
        "others": others,
        "storages": {storage.key: [storage.dtype, storage.count] for storage in machine.storages.values()},
    }


def _state(value: Any) -> tuple[dict[str, Tensor], list[str]]:
    """The one dict of tensors, at the top or right below, and the names of what else there is."""
    if type(value) is not dict:
        raise Refused("it holds no dict of names and tensors")
    places = {"": value, **{name: value[name] for name in _NESTED_UNDER if type(value.get(name)) is dict}}
    found = [(where, tensors) for where, place in places.items() if (tensors := _tensors_of(place))]
    if not found:
        raise Refused("it holds no dict of names and tensors")
    if len(found) > 1:
        listed = " and ".join(f"under {where!r}" if where else "at the top" for where, _ in found)
        raise Refused(f"it holds tensors {listed}, and which of them are the weights is not clear")
    where, tensors = found[0]
    others = [name for name in places[where] if type(name) is str and name not in tensors]
    above = [name for name in value if type(name) is str and name != where] if where else []
    return tensors, others + above


def _tensors_of(place: dict[Any, Any]) -> dict[str, Tensor]:
    return {name: value for name, value in place.items() if type(name) is str and type(value) is Tensor}


def _limit_this_process() -> None:
    """Of memory, processor time and what is printed, as far as the system knows such limits."""
    if resource is None:
        return
    limits = {
        resource.RLIMIT_AS: _MEMORY,
        resource.RLIMIT_CPU: _PROCESSOR_SECONDS,
        resource.RLIMIT_FSIZE: ANSWER_LIMIT,
        resource.RLIMIT_CORE: 0,
    }
    for which, wanted in limits.items():
        allowed = resource.getrlimit(which)[1]
        limit = wanted if allowed == resource.RLIM_INFINITY else min(wanted, allowed)
        try:
            resource.setrlimit(which, (limit, limit))
        except (ValueError, OSError):  # macOS knows RLIMIT_AS and does not set it
            continue
