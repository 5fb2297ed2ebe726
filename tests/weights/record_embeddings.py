"""Records the vectors that `transformers` makes of a few texts: `python tests/weights/record_embeddings.py`.

Needs torch and transformers. Reads the weights of `tests/bert/tiny`, writes `embeddings/vocab.txt` for them,
`embeddings/pieces.json` (the texts, their pieces and characters) and `embeddings/vectors.npz`.
"""

from __future__ import annotations

import json
import string
from pathlib import Path

import numpy as np
import torch
from transformers import BertModel, BertTokenizerFast

HERE = Path(__file__).parent / "embeddings"
TINY = Path(__file__).parents[1] / "bert" / "tiny"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["the", "cat", "sat", "##s", "##ing", "."]
TEXTS = [
    "The cat sat.",
    "",
    "a",
    "Cats  sitting, caf\u00e9s \u4e2d\u6587",
    "the cat sat sat sat sat sat sat sat sat sat sat sat",
    "the cat sat " * 20,
]


def main() -> None:
    HERE.mkdir(exist_ok=True)
    letters = list(string.ascii_lowercase)
    pieces = [*SPECIAL, *WORDS, *letters, *(f"##{letter}" for letter in letters if letter != "s")]
    (HERE / "vocab.txt").write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8")
    tokenizer = BertTokenizerFast(str(HERE / "vocab.txt"), do_lower_case=True)
    model = BertModel.from_pretrained(TINY).eval()
    rows, arrays = [], {"mean": [], "cls": [], "pooler": []}
    for number, text in enumerate(TEXTS):
        batch = tokenizer(text, truncation=True, max_length=40, return_tensors="pt", return_offsets_mapping=True)
        offsets = batch.pop("offset_mapping")[0].tolist()
        names = tokenizer.convert_ids_to_tokens(batch["input_ids"][0].tolist())
        rows.append({"text": text, "pieces": names, "offsets": offsets})
        with torch.no_grad():
            out = model(**batch)
        arrays["mean"].append(out.last_hidden_state[0].mean(0).numpy())
        arrays["cls"].append(out.last_hidden_state[0, 0].numpy())
        arrays["pooler"].append(out.pooler_output[0].numpy())
        arrays[f"tokens/{number}"] = out.last_hidden_state[0].numpy()
    lines = ",\n".join(map(json.dumps, rows))
    (HERE / "pieces.json").write_text(f"[\n{lines}\n]\n", encoding="ascii")
    np.savez_compressed(HERE / "vectors.npz", **{name: np.stack(list(rows)) for name, rows in arrays.items()})


if __name__ == "__main__":
    main()
