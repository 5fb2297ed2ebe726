"""Where weights lie: in the user's cache, in an installed package, or in a folder that the user names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bert_core.cache import cache_folder
from bert_core.errors import CheckpointError, PluginError, in_a_line
from bert_core.names import did_you_mean, is_name, listed
from bert_core.types import WeightsSpec


def folder_of(name: str, cache: Path | None = None) -> Path:
    """The folder in the cache for weights of a name, whether or not it is there.

    Raises:
        CheckpointError: What is given is no name, so that it could lead out of the cache.
    """
    if not is_name(name):
        raise CheckpointError(f"{name!r} is not a name of weights", hint="Names are lower-case words joined by '-'")
    return (cache_folder() if cache is None else cache) / "weights" / name


def resolve(name_or_path: str | Path, specs: Mapping[str, WeightsSpec], cache: Path | None = None) -> Path:
    """The path that `--weights` means: a folder or a file if there is one, else named weights.

    Args:
        name_or_path: What the user said.
        specs: The weights that plugins and the host name.
        cache: Where pulled weights lie; None is the user's.

    Raises:
        CheckpointError: There is nothing of that name, or it has yet to be pulled.
        PluginError: The plugin whose weights they are fails to say where.
    """
    path = Path(name_or_path).expanduser()
    try:
        is_there = path.exists() or path.with_name(f"{path.name}.index").exists()  # a TensorFlow checkpoint's prefix
    except OSError as error:
        raise CheckpointError(f"cannot look for the weights: {error.strerror}", where=path) from None
    if is_there:
        return path
    name = str(name_or_path)
    if name not in specs:
        suggestion = did_you_mean(name, specs)
        hint = f"{suggestion} Weights with a name: {listed(specs)}".strip()
        raise CheckpointError(f"there is no folder or file and there are no weights named {name!r}", hint=hint)
    return _named(specs[name], cache)


def place(spec: WeightsSpec, cache: Path | None = None) -> Path:
    """The folder of named weights, whether or not it is there.

    Raises:
        PluginError: The plugin whose weights they are fails to say where.
    """
    if spec.folder is None:
        return folder_of(spec.name, cache)
    try:
        return Path(spec.folder())
    except (Exception, SystemExit) as error:  # whatever a stranger's code raises stays the stranger's failure
        said = in_a_line(error)
        raise PluginError(f"the plugin of the weights {spec.name!r} fails to say where they are: {said}") from error


def _named(spec: WeightsSpec, cache: Path | None) -> Path:
    folder = place(spec, cache)
    if folder.is_dir():
        return folder
    if spec.folder is not None:
        raise CheckpointError(f"the package that carries the weights {spec.name!r} has lost its folder", where=folder)
    hint = f"Run `bertrun weights pull {spec.name}` once"
    raise CheckpointError(f"the weights {spec.name!r} are not on this machine yet", hint=hint)


def weights_folder(path: Path) -> Path:
    """The folder itself, or the best checkpoint where it is the folder of a run; the latest where none is best yet."""
    if (path / "config.json").exists():
        return path
    return next((path / name for name in ("best", "latest") if (path / name).is_dir()), path)
