"""What an installed plugin consists of, found without importing any of it: its files, and one digest of them all."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import importlib_metadata

from .files import sha256

# What an installer writes beside the files of a wheel; it differs from machine to machine.
_INSTALLERS = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"})


def sources_of(point: importlib_metadata.EntryPoint) -> list[Path]:
    """The package or the module that importing an entry point would run, as Python would find it now.

    Returns:
        Its folder, the folders of a package that has several, or the file of a module; nothing where there is none.
    """
    top = point.module.partition(".")[0]
    try:
        found = getattr(sys.modules[top], "__spec__", None) if top in sys.modules else find_spec(top)
    except (ImportError, ValueError):
        return []
    if found is None:
        return []
    if found.submodule_search_locations is not None:
        return [Path(folder) for folder in found.submodule_search_locations]
    return [Path(found.origin)] if found.origin else []


def files_of(point: importlib_metadata.EntryPoint) -> dict[str, Path]:
    """The files of the plugin of an entry point, by their names in its distribution.

    They are those that the distribution's RECORD lists, where that lists what would be imported; an editable install's
    does not, nor does that of a package that another one on the path hides. Then they are the package's source files.
    """
    sources = sources_of(point)
    recorded = dict(_recorded(point))
    places = {path.resolve() for path in recorded.values()}
    imported = [source / "__init__.py" if source.is_dir() else source for source in sources]
    if recorded and all(path.resolve() in places for path in imported):
        return recorded
    return {name: path for source in sources for name, path in _below(source)}


def digest(point: importlib_metadata.EntryPoint) -> str:
    """The SHA-256, in hexadecimal, of the lines that `sha256sum` gives of those files, in the order of their names."""
    total = hashlib.sha256()
    for name, path in sorted(files_of(point).items()):
        total.update(f"{_content(path)}  {name}\n".encode())
    return total.hexdigest()


def _recorded(point: importlib_metadata.EntryPoint) -> Iterator[tuple[str, Path]]:
    for file in (point.dist.files or ()) if point.dist else ():
        name = Path(str(file))
        outside = ".." in name.parts or name.is_absolute()  # scripts, whose first line names this machine's Python
        written = name.name in _INSTALLERS and name.parent.suffix in (".dist-info", ".egg-info")
        if not outside and not written and _is_source(name):
            yield name.as_posix(), Path(str(file.locate()))


def _below(source: Path) -> Iterator[tuple[str, Path]]:
    """The files of a package's folder, or a module's one, with names that begin with the package's."""
    for path in source.rglob("*") if source.is_dir() else [source]:
        name = path.relative_to(source.parent)
        if path.is_file() and _is_source(name):
            yield name.as_posix(), path


def _is_source(name: Path) -> bool:
    return "__pycache__" not in name.parts and name.suffix != ".pyc" and not name.name.startswith(".")


def _content(path: Path) -> str:
    try:
        return sha256(path)
    except OSError:
        return "missing"
