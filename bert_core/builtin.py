"""The host's own plugin: the BERT model and known weights, through the same door as everybody's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .bert.config import PRESETS, BertOptions
from .hookspecs import hookimpl
from .protocols import Encoder
from .types import EncoderParts, ModelSpec, WeightsSpec
from .weights.known import MINILM_L6


def _build(options: Any, parts: EncoderParts) -> Encoder:
    from .bert.encoder import BertModel

    return BertModel(options, parts)


@hookimpl
def bertrun_register_models() -> Iterable[ModelSpec]:
    """BERT, as Devlin et al. (2019) describe it."""
    yield ModelSpec(
        name="bert",
        summary="BERT: a transformer encoder with learned positions (Devlin et al. 2019).",
        options=BertOptions,
        preferred=True,
        presets=PRESETS,
        build=_build,
    )


@hookimpl
def bertrun_register_weights() -> Iterable[WeightsSpec]:
    """Weights that the package index carries."""
    yield MINILM_L6
