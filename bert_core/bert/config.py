"""The sizes and rates of BERT and NEZHA encoders, and the named ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from bert_core.options import option

Activation = Literal["gelu", "gelu_new", "gelu_pytorch_tanh", "gelu_tanh", "relu", "quick_gelu", "fast_gelu"]

# Other words for one function: PyTorch's and MindSpore's, as Hugging Face's configurations call it.
_HUGGING_FACE = {"gelu_pytorch_tanh": "gelu_new", "gelu_tanh": "gelu_new", "fast_gelu": "quick_gelu"}


@dataclass(frozen=True, kw_only=True)
class BertOptions:
    """The fields of a BERT `config.json`, by their Hugging Face names."""

    vocab_size: int = option(30522, minimum=1, help="Rows of the word embeddings.")
    hidden_size: int = option(768, minimum=1, help="Width of the vectors between layers.")
    num_hidden_layers: int = option(12, minimum=1, help="Layers of the encoder.")
    num_attention_heads: int = option(12, minimum=1, help="Heads of each layer's attention.")
    intermediate_size: int = option(3072, minimum=1, help="Width inside each layer's feed-forward part.")
    hidden_act: Activation = option(
        "gelu",
        help="Its activation: gelu is the exact one, by the error function; gelu_new, gelu_tanh and gelu_pytorch_tanh "
        "are its form with tanh; quick_gelu and fast_gelu are x * sigmoid(1.702 x).",
    )
    hidden_dropout_prob: float = option(0.1, minimum=0, maximum=0.99, help="Dropout of vectors.")
    attention_probs_dropout_prob: float = option(0.1, minimum=0, maximum=0.99, help="Dropout of attention.")
    max_position_embeddings: int = option(512, minimum=1, help="Pieces that the model can tell apart by position.")
    type_vocab_size: int = option(2, minimum=1, help="Kinds of segments.")
    initializer_range: float = option(0.02, above=0, help="Deviation of new weights, truncated at two deviations.")
    layer_norm_eps: float = option(1e-12, above=0, help="Added to the variance in layer norms.")

    def __post_init__(self) -> None:
        """Take Hugging Face's word for the activation, so that `config.json` has it too."""
        object.__setattr__(self, "hidden_act", _HUGGING_FACE.get(self.hidden_act, self.hidden_act))

    def problems(self) -> Iterable[str]:
        """Values that contradict each other."""
        if self.hidden_size % self.num_attention_heads:
            heads = self.num_attention_heads
            yield f"--hidden-size {self.hidden_size} cannot be cut into --num-attention-heads {heads}"


@dataclass(frozen=True, kw_only=True)
class NezhaOptions(BertOptions):
    """The fields of a NEZHA `config.json`; the last one is not Hugging Face's, which knows only sinusoids."""

    vocab_size: int = option(21128, minimum=1, help="Rows of the word embeddings.")
    max_position_embeddings: int = option(
        512, minimum=1, help="Pieces that a window may have; positions are relative, so no parameter depends on it."
    )
    max_relative_position: int | None = option(
        None, minimum=1, help="Distance from which on all count as alike; by default 64, and 16 where they are learned."
    )
    relative_positions: Literal["sinusoid", "learned"] = option(
        "sinusoid", help="Fixed sinusoids, as published, or a table in each layer that is learned, as in the ModelZoo."
    )

    def __post_init__(self) -> None:
        """Choose the distance that belongs to the kind of positions, where nobody says another."""
        super().__post_init__()
        if self.max_relative_position is None:
            object.__setattr__(self, "max_relative_position", 64 if self.relative_positions == "sinusoid" else 16)


def _size(layers: int, hidden: int, vocabulary: int = 30522) -> Mapping[str, object]:
    return {
        "vocab_size": vocabulary,
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": hidden // 64,
        "intermediate_size": hidden * 4,
    }


# Turc et al. 2019, "Well-Read Students Learn Better", and Devlin et al. 2019.
PRESETS: Mapping[str, Mapping[str, object]] = {
    "bert-tiny": _size(2, 128),
    "bert-mini": _size(4, 256),
    "bert-small": _size(4, 512),
    "bert-medium": _size(8, 512),
    "bert-base": _size(12, 768),
    "bert-base-chinese": _size(12, 768, vocabulary=21128),
    "bert-large": _size(24, 1024),
}

# Wei et al. 2019, "NEZHA: Neural Contextualized Representation for Chinese Language Understanding".
NEZHA_PRESETS: Mapping[str, Mapping[str, object]] = {
    "nezha-base": _size(12, 768, vocabulary=21128),
    "nezha-large": _size(24, 1024, vocabulary=21128),
}
