"""Records what `transformers` makes of a tiny BERT with heads: `python tests/bert/record_heads.py` (needs torch too).

Writes `tiny_pretraining/`: the model in Hugging Face layout, and in `outputs.npz` its
inputs, the logits at the masked positions, the pre-training loss and every gradient of it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import BertConfig, BertForPreTraining

FOLDER = Path(__file__).parent / "tiny_pretraining"
VOCABULARY, ROWS, LENGTH, PREDICTIONS = 64, 5, 17, 4


def pairs() -> dict[str, np.ndarray]:
    """Padded rows, and masked positions padded with position 0, id 0 and weight 0."""
    generator = np.random.default_rng(11)
    lengths = np.array([LENGTH, 9, 12, 5, 14])
    counts = np.array([4, 2, 3, 1, 4])
    mask = np.arange(LENGTH)[None] < lengths[:, None]
    weights = np.arange(PREDICTIONS)[None] < counts[:, None]
    positions = np.stack([np.sort(generator.permutation(np.arange(1, size))[:PREDICTIONS]) for size in lengths])
    return {
        "input_ids": generator.integers(1, VOCABULARY // 2, (ROWS, LENGTH)) * mask,
        "token_type_ids": (np.arange(LENGTH)[None] >= lengths[:, None] // 2) * mask,
        "attention_mask": mask,
        "masked_positions": positions * weights,
        "masked_ids": generator.integers(1, VOCABULARY, (ROWS, PREDICTIONS)) * weights,
        "masked_weights": weights,
        "next_sentence_labels": generator.integers(0, 2, ROWS),
    }


def main() -> None:
    torch.manual_seed(5)
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=40,
        initializer_range=0.3,
        layer_norm_eps=1e-3,
    )
    model = BertForPreTraining(config).eval()
    for parameter in model.parameters():
        if parameter.ndim == 1:
            torch.nn.init.normal_(parameter, mean=0.5, std=0.3)
    model.save_pretrained(FOLDER)
    arrays = {name: array.astype(np.int32) for name, array in pairs().items()}
    given = {name: torch.tensor(array.astype(np.int64)) for name, array in arrays.items()}
    out = model(**{name: given[name] for name in ("input_ids", "token_type_ids", "attention_mask")})
    rows = torch.arange(ROWS)[:, None]
    logits = out.prediction_logits[rows, given["masked_positions"]].reshape(-1, VOCABULARY)
    weights = given["masked_weights"].reshape(-1).float()
    words = (cross_entropy(logits, given["masked_ids"].reshape(-1), reduction="none") * weights).sum() / weights.sum()
    loss = words + cross_entropy(out.seq_relationship_logits, given["next_sentence_labels"])
    loss.backward()
    arrays["prediction_logits"] = logits.detach().numpy()
    arrays["seq_relationship_logits"] = out.seq_relationship_logits.detach().numpy()
    arrays["loss"] = loss.detach().numpy()
    for name, parameter in model.named_parameters():  # a tied matrix is named once
        arrays[f"gradient/{name}"] = parameter.grad.numpy()
    np.savez_compressed(FOLDER / "outputs.npz", **arrays)


if __name__ == "__main__":
    main()
