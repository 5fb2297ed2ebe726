"""The other side of `parity.py`: models in Hugging Face's formats, and what transformers makes of real pieces.

Needs torch and transformers, which bertrun never needs; for --nezha such as 4.36.2, since newer ones have no NEZHA:
    python benchmarks/peer_parity.py --work WORK --minilm MINILM --data STSB/sts-dev.csv [--nezha | --google]

Writes WORK/MODEL/FORMAT for minilm-l6 and a model of BERT-base's size, or for one of NEZHA-base's, and the pieces and
vectors, WORK/MODEL/outputs.npz. With --google, after `peer_google.py read`, it writes the vectors of what TensorFlow
read from Google's checkpoint.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers import BertConfig, BertModel, BertTokenizerFast

PAIRS = 24
SHARDS = 3
TEXT = ("vocab.txt", "tokenizer_config.json")


def pairs(path: Path) -> tuple[list[str], list[str]]:
    """The two sentences of every twentieth row, so that lengths differ."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()][::20][:PAIRS]
    return [row[5] for row in rows], [row[6] for row in rows]


def randomized(model):
    """All values random, also the biases and scales, which begin alike and would hide a mistaken name."""
    for parameter in model.parameters():
        if parameter.ndim == 1:
            torch.nn.init.normal_(parameter, mean=float(parameter.mean() > 0.5), std=0.1)
    return model


def save(model, folder: Path, text: Path) -> None:
    """The model in each of the formats that torch and transformers write."""
    size = sum(tensor.numel() * tensor.element_size() for tensor in model.state_dict().values())
    model.save_pretrained(folder / "safetensors")
    model.save_pretrained(folder / "safetensors in shards", max_shard_size=size // SHARDS)
    for name, zipped in (("torch zip", True), ("torch legacy", False)):
        (folder / name).mkdir()
        path = folder / name / "pytorch_model.bin"
        torch.save(model.state_dict(), path, _use_new_zipfile_serialization=zipped)
        shutil.copy(folder / "safetensors" / "config.json", path.parent)
    for made in (place for place in folder.iterdir() if place.is_dir()):
        for name in TEXT:
            shutil.copy(text / name, made)


def record(model, batch, path: Path) -> None:
    with torch.no_grad():
        out = model.eval()(**batch)
    arrays = {name: value.numpy().astype(np.int32) for name, value in batch.items()}
    np.savez(path, **arrays, sequence=out.last_hidden_state.numpy(), pooled=out.pooler_output.numpy())


def fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def of_google(work: Path) -> None:
    """The values that TensorFlow read, in transformers' BERT."""
    given = np.load(work / "google" / "outputs.npz")
    config = BertConfig.from_json_file(work / "google" / "tensorflow" / "bert_config.json")
    config.hidden_act = "gelu"
    model = BertModel(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            theirs = google_name(name)
            stored = torch.from_numpy(given[theirs])
            parameter.copy_(stored.T if theirs.endswith("kernel") else stored)
    batch = {name: torch.tensor(given[name]).long() for name in ("input_ids", "token_type_ids", "attention_mask")}
    record(model, batch, fresh(work / "google in transformers") / "outputs.npz")
    shutil.copytree(work / "google" / "given", work / "google in transformers" / "tensorflow")


def google_name(name: str) -> str:
    """As transformers' own conversion to TensorFlow has it."""
    for theirs, google in (
        ("encoder.layer.", "encoder/layer_"),
        ("LayerNorm.weight", "LayerNorm.gamma"),
        ("LayerNorm.bias", "LayerNorm.beta"),
        ("_embeddings.weight", "_embeddings"),
        (".weight", ".kernel"),
        (".", "/"),
    ):
        name = name.replace(theirs, google)
    return f"values/bert/{name}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", required=True, type=Path)
    parser.add_argument("--minilm", required=True, type=Path)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--nezha", action="store_true")
    parser.add_argument("--google", action="store_true")
    chosen = parser.parse_args()
    if chosen.google:
        of_google(chosen.work)
        return
    torch.manual_seed(0)
    tokenizer = BertTokenizerFast.from_pretrained(chosen.minilm)
    batch = dict(tokenizer(*pairs(chosen.data), padding=True, return_tensors="pt"))
    if chosen.nezha:
        config = transformers.NezhaConfig(vocab_size=tokenizer.vocab_size)
        models = {"nezha-base, random": randomized(transformers.NezhaModel(config))}
    else:
        base = randomized(BertModel(BertConfig(vocab_size=tokenizer.vocab_size)))
        models = {"minilm-l6": BertModel.from_pretrained(chosen.minilm), "bert-base, random": base}
    for name, model in models.items():
        folder = fresh(chosen.work / name)
        save(model, folder, chosen.minilm)
        record(model, batch, folder / "outputs.npz")
        print(f"{folder}: {batch['attention_mask'].sum(1).tolist()} pieces")


if __name__ == "__main__":
    main()
