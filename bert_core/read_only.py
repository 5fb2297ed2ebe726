"""Values as observers get them: nothing that they could change."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


def read_only(value: Any) -> Any:
    """A value that nobody can write to: mappings and lists all the way down, and arrays; other values as they are."""
    if isinstance(value, Mapping):
        return MappingProxyType({key: read_only(inner) for key, inner in value.items()})
    if isinstance(value, (list, tuple)):
        return tuple(map(read_only, value))
    if hasattr(value, "setflags"):  # an array or a number of NumPy, which is not imported to find that out
        value = value.copy()
        value.setflags(write=False)
    return value
