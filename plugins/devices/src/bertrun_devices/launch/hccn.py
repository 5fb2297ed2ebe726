"""The addresses of a machine's Ascend devices, and which of the devices are meant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from bert_core import DataError, UsageError

_ADDRESS = re.compile(r"address_(\d+)\s*=\s*(\S+)")


def read_hccn_conf(path: Path) -> dict[int, str]:
    """The address of each device, by its number: the lines `address_N=IP`.

    Raises:
        DataError: The file cannot be read or names no address, or one device has two.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        hint = "Give the addresses: --address 0=192.168.100.101"
        raise DataError(f"the file cannot be read: {error.strerror}", where=path, hint=hint) from None
    found: dict[int, str] = {}
    for place, line in enumerate(lines, start=1):
        if match := _ADDRESS.fullmatch(line.strip()):
            number, address = int(match[1]), match[2]
            if found.setdefault(number, address) != address:
                raise DataError.at(path, place, f"device {number} has two addresses: {found[number]} and {address}")
    if not found:
        raise DataError("no line says address_N=IP", where=path)
    return found


def given_addresses(texts: Sequence[str]) -> dict[int, str]:
    """The address of each device, by its number, from texts of the form `NUMBER=IP`.

    Raises:
        UsageError: A text is not of that form, or a device stands twice.
    """
    found: dict[int, str] = {}
    for text in texts:
        number, _, address = text.partition("=")
        if not number.isdecimal() or not address:
            raise UsageError(f"--address {text} is not NUMBER=IP", hint="For example 0=192.168.100.101")
        if int(number) in found:
            raise UsageError(f"--address names device {number} twice")
        found[int(number)] = address
    return found


def device_numbers(text: str) -> list[int]:
    """The devices that a text names: `0,1,2`, `0-3`, or the reference's `[0,4)`, which leaves out its end.

    Raises:
        UsageError: It has none of these forms, or names a device twice or none.
    """
    if match := re.fullmatch(r"\[\s*(\d+)\s*,\s*(\d+)\s*\)", text):
        numbers = list(range(int(match[1]), int(match[2])))
    else:
        numbers = [number for part in text.split(",") for number in _range(part.strip(), text)]
    if not numbers or len(set(numbers)) < len(numbers):
        raise UsageError(f"--devices {text} names {'a device twice' if numbers else 'no device'}")
    return numbers


def _range(part: str, whole: str) -> range:
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
    if match is None:
        raise UsageError(f"--devices {whole} is no list of devices", hint="For example 0-3, 0,2 or [0,4)")
    return range(int(match[1]), int(match[2] or match[1]) + 1)
