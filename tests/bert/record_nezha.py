"""Records what `transformers` makes of a tiny random NEZHA: `python tests/bert/record_nezha.py`.

Needs torch and an old transformers: 4.36.2 recorded what is here, and newer ones have no NEZHA. Writes
`tiny_nezha/` (the model in Hugging Face layout) and `tiny_nezha/outputs.npz` (see `record_tiny.py`).
"""

from __future__ import annotations

import torch
from record_tiny import HERE, inputs, record
from transformers import NezhaConfig, NezhaModel


def main() -> None:
    torch.manual_seed(4)
    config = NezhaConfig(
        vocab_size=64,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=40,
        max_relative_position=8,
        initializer_range=0.3,
    )
    model = NezhaModel(config)
    for parameter in model.parameters():
        if parameter.ndim == 1:
            torch.nn.init.normal_(parameter, mean=0.5, std=0.3)
    model.save_pretrained(HERE / "tiny_nezha")
    record(model, inputs(64, 5, 23), HERE / "tiny_nezha" / "outputs.npz", gradients=True)


if __name__ == "__main__":
    main()
