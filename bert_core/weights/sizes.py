"""What the shapes of an encoder's tensors say of its sizes, for checkpoints that come without a configuration."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

Shape = tuple[int, ...]

_WORDS = "bert.embeddings.word_embeddings.weight"
_POSITIONS = "bert.embeddings.position_embeddings.weight"
_TYPES = "bert.embeddings.token_type_embeddings.weight"
_FEED_FORWARD = "bert.encoder.layer.0.intermediate.dense.weight"
_RELATIVE = "bert.encoder.layer.0.attention.self.relative_positions.weight"
_LAYER = re.compile(r"bert\.encoder\.layer\.(\d+)\.")
_HEAD_WIDTH = 64  # of every published BERT and NEZHA; no shape tells it


def sizes(shapes: Mapping[str, Shape]) -> dict[str, Any]:
    """The fields of a `config.json` that shapes give away.

    The number of heads is not among what they give away, except by a table of relative positions, which is as
    wide as a head; elsewhere it is taken that a head is 64 wide, as in every published BERT.

    Args:
        shapes: The shape of each tensor, by Hugging Face's names.

    Returns:
        Nothing where there are no word embeddings.
    """
    if len(shapes.get(_WORDS, ())) != 2:
        return {}
    rows, width = shapes[_WORDS]
    found: dict[str, Any] = {
        "model_type": "bert",
        "vocab_size": rows,
        "hidden_size": width,
        "num_hidden_layers": _layers(shapes),
        "num_attention_heads": max(1, width // _HEAD_WIDTH),
    }
    for name, tensor in (
        ("intermediate_size", _FEED_FORWARD),
        ("max_position_embeddings", _POSITIONS),
        ("type_vocab_size", _TYPES),
    ):
        if tensor in shapes:
            found[name] = shapes[tensor][0]
    if len(shapes.get(_RELATIVE, ())) == 2:
        rows, head = shapes[_RELATIVE]
        found["model_type"] = "nezha"
        found["relative_positions"] = "learned"
        found["max_relative_position"] = (rows - 1) // 2
        found["num_attention_heads"] = max(1, width // head)
    elif _POSITIONS not in shapes:
        found["model_type"] = "nezha"  # its published form, whose positions are computed
    return found


def encoder_shapes(config: Mapping[str, Any]) -> dict[str, Shape]:
    """The tensors that the encoder of a configuration has, by Hugging Face's names; nothing for other families."""
    family = config.get("model_type", "bert")
    if family not in ("bert", "nezha"):
        return {}
    width, between = config["hidden_size"], config["intermediate_size"]
    shapes: dict[str, Shape] = {_WORDS: (config["vocab_size"], width), _TYPES: (config["type_vocab_size"], width)}
    if family == "bert":
        shapes[_POSITIONS] = (config["max_position_embeddings"], width)
    shapes.update(_norm("bert.embeddings.LayerNorm", width))
    for layer in range(config["num_hidden_layers"]):
        begin = f"bert.encoder.layer.{layer}"
        for part in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            shapes.update(_linear(f"{begin}.{part}", width, width))
        shapes.update(_linear(f"{begin}.intermediate.dense", between, width))
        shapes.update(_linear(f"{begin}.output.dense", width, between))
        shapes.update(_norm(f"{begin}.attention.output.LayerNorm", width))
        shapes.update(_norm(f"{begin}.output.LayerNorm", width))
        if config.get("relative_positions") == "learned":
            rows = 2 * config["max_relative_position"] + 1
            shapes[_RELATIVE.replace(".0.", f".{layer}.")] = (rows, width // config["num_attention_heads"])
    return shapes


def _linear(name: str, rows: int, columns: int) -> dict[str, Shape]:
    return {f"{name}.weight": (rows, columns), f"{name}.bias": (rows,)}


def _norm(name: str, width: int) -> dict[str, Shape]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _layers(names: Iterable[str]) -> int:
    numbers = [int(match[1]) for name in names if (match := _LAYER.match(name))]
    return max(numbers, default=-1) + 1
