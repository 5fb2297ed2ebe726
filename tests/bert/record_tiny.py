"""Records what `transformers` makes of a tiny random BERT: `python tests/bert/record_tiny.py` (needs torch too).

Writes `tiny/` (the model in Hugging Face layout), `tiny/outputs.npz` (its outputs and, for one fixed
target, its gradients) and, where MINILM names the folder of its weights, `minilm_outputs.npz`.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from transformers import BertConfig, BertModel

HERE = Path(__file__).parent


def inputs(vocabulary: int, rows: int, length: int) -> dict[str, torch.Tensor]:
    generator = np.random.default_rng(7)
    lengths = generator.integers(2, length + 1, rows)
    lengths[0] = length
    mask = (np.arange(length)[None] < lengths[:, None]).astype(np.int64)
    ids = generator.integers(1, vocabulary, (rows, length)) * mask
    types = (np.arange(length)[None] >= lengths[:, None] // 2).astype(np.int64) * mask
    return {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask), "token_type_ids": torch.tensor(types)}


def record(model: BertModel, batch: dict[str, torch.Tensor], path: Path, *, gradients: bool) -> None:
    out = model.eval()(**batch)
    arrays = {name: value.numpy().astype(np.int32) for name, value in batch.items()}
    arrays["sequence"] = out.last_hidden_state.detach().numpy()
    arrays["pooled"] = out.pooler_output.detach().numpy()
    if gradients:
        mask = batch["attention_mask"][..., None].float()
        weights = torch.linspace(-1, 1, out.last_hidden_state.shape[-1])
        (torch.sin(out.last_hidden_state) * mask * weights).sum().backward()
        for name, parameter in model.named_parameters():
            if parameter.grad is not None:
                arrays[f"gradient/bert.{name}"] = parameter.grad.numpy()
    np.savez_compressed(path, **arrays)


def main() -> None:
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=64,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=40,
        initializer_range=0.3,
    )
    model = BertModel(config)
    for parameter in model.parameters():
        if parameter.ndim == 1:
            torch.nn.init.normal_(parameter, mean=0.5, std=0.3)
    model.save_pretrained(HERE / "tiny")
    record(model, inputs(64, 5, 17), HERE / "tiny" / "outputs.npz", gradients=True)
    if "MINILM" in os.environ:
        minilm = BertModel.from_pretrained(os.environ["MINILM"])
        record(minilm, inputs(30522, 3, 24), HERE / "minilm_outputs.npz", gradients=False)


if __name__ == "__main__":
    main()
