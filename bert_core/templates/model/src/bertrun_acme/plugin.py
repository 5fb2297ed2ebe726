"""A model family that the host knows nothing of: one layer used many times, behind narrow word embeddings."""

from __future__ import annotations

from dataclasses import dataclass

from bert_core import ModelSpec, hookimpl, option


@dataclass(frozen=True, kw_only=True)
class AcmeOptions:
    """The sizes of ALBERT's base model (Lan et al. 2020)."""

    vocab_size: int = option(30000, minimum=1, help="Rows of the word embeddings.")
    embedding_size: int = option(128, minimum=1, help="Width of the embeddings, before they are widened.")
    hidden_size: int = option(768, minimum=1, help="Width of the vectors between layers.")
    num_hidden_layers: int = option(12, minimum=1, help="How often the one layer is used.")
    num_attention_heads: int = option(12, minimum=1, help="Heads of the layer's attention.")
    intermediate_size: int = option(3072, minimum=1, help="Width inside the layer's feed-forward part.")
    dropout: float = option(0.1, minimum=0, maximum=0.9, help="Dropout of vectors and of attention.")
    max_position_embeddings: int = option(512, minimum=1, help="Pieces that the model can tell apart by position.")
    type_vocab_size: int = option(2, minimum=1, help="Kinds of segments.")

    def problems(self):
        """Values that contradict each other."""
        if self.hidden_size % self.num_attention_heads:
            yield f"--hidden-size {self.hidden_size} is no multiple of --num-attention-heads {self.num_attention_heads}"


def _build(options, parts):
    from .encoder import SharedLayers

    return SharedLayers(options, parts)


@hookimpl
def bertrun_register_models():
    yield ModelSpec(
        name="acme",
        summary="One layer used many times, behind narrow word embeddings (after Lan et al. 2020).",
        options=AcmeOptions,
        presets={"acme-tiny": {"embedding_size": 64, "hidden_size": 128, "num_attention_heads": 2}},
        layers=lambda options: [("embeddings.", "widen."), "layer."],
        build=_build,
    )
