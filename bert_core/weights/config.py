"""The configuration beside weights: `config.json`, or `bert_config.json` as Google names it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bert_core.errors import CheckpointError

from .recognise import inside

NAMES = ("config.json", "bert_config.json")

_LIMIT = 4 << 20  # bytes; a label set of a hundred thousand names fits
_POSITIVE = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
    "type_vocab_size",
)
# What changes the algorithm, and the only value that is BERT's.
_SAME = {"position_embedding_type": "absolute", "is_decoder": False, "add_cross_attention": False}


def read_config(folder: Path) -> Mapping[str, Any] | None:
    """What the configuration in a folder says, its sizes checked; None where there is none.

    Raises:
        CheckpointError: It cannot be read, is no JSON object, or a size in it is none.
    """
    for name in NAMES:
        if (folder / name).exists():
            return _checked(inside(folder, name))
    return None


def _checked(path: Path) -> Mapping[str, Any]:
    config = _read(path)
    if not isinstance(config, dict):
        raise CheckpointError(f"it holds a JSON {type(config).__name__} where an object belongs", where=path)
    for name in _POSITIVE:
        size = config.get(name, 1)
        if type(size) is not int or size < 1:
            raise CheckpointError(f"{name} is {size!r}, and a positive whole number was expected", where=path)
    for name, ours in _SAME.items():
        if config.get(name, ours) != ours:
            raise CheckpointError(f"{name} is {config[name]!r}, and this encoder has {ours!r} only", where=path)
    return config


def _read(path: Path) -> Any:
    try:
        if not path.is_file() or path.stat().st_size > _LIMIT:
            raise CheckpointError(f"it is no file of up to {_LIMIT} bytes", where=path)
        return json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise CheckpointError(f"cannot read it: {error.strerror}", where=path) from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"it is not JSON ({error})", where=path) from error
