"""The host's own plugin: the BERT and NEZHA models and known weights, through the same door as everybody's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .bert.config import NEZHA_PRESETS, PRESETS, BertOptions, NezhaOptions
from .hookspecs import hookimpl
from .protocols import Encoder
from .types import EncoderParts, ModelSpec, WeightsSpec
from .weights.known import MINILM_L6

COMPUTE_DTYPES = ("float32", "float16", "bfloat16")


def _build_bert(options: Any, parts: EncoderParts) -> Encoder:
    from .bert.encoder import BertModel

    return BertModel(options, parts)


def _build_nezha(options: Any, parts: EncoderParts) -> Encoder:
    from .bert.encoder import BertModel
    from .bert.nezha import NezhaMaker

    return BertModel(options, parts, NezhaMaker)


def _layers(options: Any) -> list[str]:
    """How the names of the embeddings' and of each layer's parameters begin."""
    return ["embeddings.", *(f"encoder.layer.{number}." for number in range(options.num_hidden_layers))]


@hookimpl
def bertrun_register_models() -> Iterable[ModelSpec]:
    """BERT, as Devlin et al. (2019) describe it, and NEZHA."""
    yield ModelSpec(
        name="bert",
        summary="BERT: a transformer encoder with learned positions (Devlin et al. 2019).",
        options=BertOptions,
        preferred=True,
        presets=PRESETS,
        compute_dtypes=COMPUTE_DTYPES,
        recomputes=True,
        layers=_layers,
        build=_build_bert,
    )
    yield ModelSpec(
        name="nezha",
        summary="NEZHA: BERT with relative positions in its attention, for Chinese (Wei et al. 2019).",
        options=NezhaOptions,
        presets=NEZHA_PRESETS,
        compute_dtypes=COMPUTE_DTYPES,
        recomputes=True,
        layers=_layers,
        build=_build_nezha,
    )


@hookimpl
def bertrun_register_weights() -> Iterable[WeightsSpec]:
    """Weights that the package index carries."""
    yield MINILM_L6
