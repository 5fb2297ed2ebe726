"""The index of weights in several files: `model.safetensors.index.json` or `pytorch_model.bin.index.json`.

The format is that of transformers: `weight_map` says for each tensor which file holds it. What `metadata` says of
the total size is not asked for: some tools write it wrong.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bert_core.errors import CheckpointError
from bert_core.weights.recognise import inside

_INDEX_LIMIT = 16 << 20  # bytes; that of a BERT of 24 layers has 40 KiB
_FILES_LIMIT = 1024


class ShardIndex:
    """Which file holds which tensor.

    Attributes:
        path: The index.
        files: The file of each tensor, by the tensor's name; all in the folder of the index.
    """

    def __init__(self, path: Path) -> None:
        """Read and check the index; the files themselves are not opened.

        Raises:
            CheckpointError: The index is no JSON of this kind, or names a file outside its folder.
        """
        self.path = path
        names = _weight_map(path)
        files = sorted(set(names.values()))
        if len(files) > _FILES_LIMIT:
            raise CheckpointError(
                f"it names {len(files)} files, more than the {_FILES_LIMIT} that are read", where=path
            )
        paths = {file: _plain(path, file) for file in files}
        self.files: Mapping[str, Path] = MappingProxyType({name: paths[file] for name, file in names.items()})


def _plain(index: Path, name: str) -> Path:
    if name in ("", ".", "..", index.name) or "/" in name or "\\" in name or not name.isprintable():
        raise CheckpointError(f"it names {name!a}, which is no file of weights in its folder", where=index)
    return inside(index.parent, name)


def _weight_map(path: Path) -> dict[str, str]:
    said = _json(path)
    names = said.get("weight_map") if isinstance(said, dict) else None
    if not isinstance(names, dict) or not all(isinstance(file, str) for file in names.values()):
        raise CheckpointError("its weight_map does not say for each tensor which file holds it", where=path)
    if not names:
        raise CheckpointError("its weight_map names no tensor", where=path)
    return names


def _json(path: Path) -> Any:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _INDEX_LIMIT:
            raise CheckpointError(f"it is no regular file of up to {_INDEX_LIMIT} bytes", where=path)
        return json.loads(path.read_bytes(), object_pairs_hook=_without_duplicates)
    except OSError as error:
        raise CheckpointError(f"cannot read the index: {error.strerror}", where=path) from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"it is not JSON ({error})", where=path, hint="Fetch the index again") from error


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("it gives one name twice")
    return found
