"""What plugins may build on, one line each: `python tests/public/listing.py` writes `released.txt` at a release."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bert_core
import bert_core.testing
from bert_core import abilities, hookspecs, protocols
from bert_core.manager import REGISTRATION

RELEASED = Path(__file__).with_name("released.txt")


def listing() -> dict[str, str]:
    """Of every public name, and of every method and field of it, how it is used."""
    return dict(_lines())


def read(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split(": ", 1) for line in lines)


def _lines() -> Iterator[tuple[str, str]]:
    for name in sorted(bert_core.__all__):
        yield from _of(f"bert_core.{name}", getattr(bert_core, name))
    for name in sorted(bert_core.testing.__all__):
        attributes = getattr(getattr(bert_core.testing, name), "__annotations__", {})
        yield f"bert_core.testing.{name}", ", ".join(attributes)
    for name, hook in sorted(vars(hookspecs).items()):
        if name in REGISTRATION or name.startswith("bertrun_"):
            yield f"hook {name}", _signature(hook)
    for module in (protocols, abilities):
        for name, value in sorted(vars(module).items()):
            if inspect.isclass(value) and value.__module__ == module.__name__:
                yield from _of(f"{module.__name__}.{name}", value)


def _of(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if inspect.ismodule(value):
        for inner, function in sorted(vars(value).items()):
            if inspect.isfunction(function) and function.__module__ == value.__name__ and not inner.startswith("_"):
                yield f"{name}.{inner}", _signature(function)
    elif inspect.isclass(value):
        bases = ", ".join(base.__name__ for base in value.__bases__ if base.__name__ not in ("object", "Protocol"))
        yield name, f"class({bases}){_signature(value)}"
        for inner, member in sorted(vars(value).items()):
            if not inner.startswith("_") and (
                inspect.isfunction(member) or isinstance(member, (property, classmethod))
            ):
                yield f"{name}.{inner}", _member(member)
    elif inspect.isfunction(value):
        yield name, _signature(value)
    else:
        yield name, re.sub(r"0x[0-9a-f]+", "", repr(value))


def _member(member: Any) -> str:
    if isinstance(member, property):
        returned = inspect.signature(member.fget).return_annotation if member.fget else ""
        return f"property of {returned}"
    return _signature(member.__func__ if isinstance(member, classmethod) else member)


def _signature(value: Any) -> str:
    try:
        return re.sub(r" at 0x[0-9a-f]+", "", str(inspect.signature(value)))
    except (TypeError, ValueError):
        return ""


if __name__ == "__main__":
    RELEASED.write_text("".join(f"{name}: {how}\n" for name, how in listing().items()), encoding="utf-8")
