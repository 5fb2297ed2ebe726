"""Google's side of `parity.py`: its own code and TensorFlow on its own kind of checkpoint.

Needs TensorFlow 2 and CHECKOUT, a clone of https://github.com/google-research/bert (here at eedf571), whose
modeling.py and tokenization.py run as they are; what TensorFlow 2 has no more stands in `_as_in_tensorflow_1`.
    python benchmarks/peer_google.py read --checkout CHECKOUT --checkpoint GOOGLE --work WORK
    python benchmarks/peer_google.py save --checkout CHECKOUT --source WORK/MODEL

`read` takes a folder as Google releases them and writes WORK/google: its vectors, and what TensorFlow read. `save`,
after `peer_parity.py`, has TensorFlow save the values of WORK/MODEL/safetensors as WORK/MODEL/tensorflow, and writes
what Google's code makes of the same pieces into WORK/MODEL/google.npz.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import types
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
TEXTS = (
    "all work and no play makes jack a dull boy",
    "no work makes a dull play",
    "jack",
    "a boy and all play no work and no work",
)
LONGEST = 16  # of that checkpoint
INPUTS = ("input_ids", "attention_mask", "token_type_ids")  # in the order of Google's arguments


def _dense(x: Any, units: int, activation: Any = None, name: str = "dense", kernel_initializer: Any = None) -> Any:
    with v1.variable_scope(name):
        kernel = v1.get_variable("kernel", [x.shape[-1], units], initializer=kernel_initializer)
        bias = v1.get_variable("bias", [units], initializer=v1.zeros_initializer())
    y = tf.matmul(x, kernel) + bias
    return y if activation is None else activation(y)


def _layer_norm(inputs: Any, begin_norm_axis: int, begin_params_axis: int, scope: Any) -> Any:
    """tf.contrib.layers.layer_norm, whose epsilon is 1e-12."""
    with v1.variable_scope(scope or "LayerNorm"):
        width = [inputs.shape[-1]]
        beta = v1.get_variable("beta", width, initializer=v1.zeros_initializer())
        gamma = v1.get_variable("gamma", width, initializer=v1.ones_initializer())
    mean, variance = tf.nn.moments(inputs, [begin_norm_axis], keepdims=True)
    return tf.nn.batch_normalization(inputs, mean, variance, beta, gamma, 1e-12)


def _as_in_tensorflow_1() -> Any:
    """TensorFlow's compatible module with the two layers and the flags that modeling.py takes from elsewhere."""
    found = types.ModuleType("tensorflow")
    found.__dict__.update({name: getattr(v1, name) for name in dir(v1) if not name.startswith("__")})
    found.layers = types.SimpleNamespace(dense=_dense)
    found.contrib = types.SimpleNamespace(layers=types.SimpleNamespace(layer_norm=_layer_norm))
    return found


def google(checkout: Path) -> tuple[Any, Any]:
    """Google's modeling and tokenization."""
    sys.modules["tensorflow"] = _as_in_tensorflow_1()
    sys.path.insert(0, str(checkout))
    import modeling
    import tokenization

    return modeling, tokenization


def batch(tokenizer: Any) -> dict[str, Any]:
    """Each text with the next as its second sentence, cut and padded."""
    arrays = {name: np.zeros((len(TEXTS), LONGEST), np.int32) for name in INPUTS}
    for row, (first, second) in enumerate(zip(TEXTS, (*TEXTS[2:], "", ""), strict=True)):
        one = ["[CLS]", *tokenizer.tokenize(first), "[SEP]"]
        two = [*tokenizer.tokenize(second), "[SEP]"] if second else []
        ids = tokenizer.convert_tokens_to_ids([*one, *two])[:LONGEST]
        arrays["input_ids"][row, : len(ids)] = ids
        arrays["attention_mask"][row, : len(ids)] = 1
        arrays["token_type_ids"][row, len(one) : len(ids)] = 1
    return arrays


def read(checkout: Path, checkpoint: Path, work: Path) -> None:
    modeling, tokenization = google(checkout)
    config = modeling.BertConfig.from_json_file(str(checkpoint / "bert_config.json"))
    given = batch(tokenization.FullTokenizer(str(checkpoint / "vocab.txt")))
    prefix = str(checkpoint / "bert_model.ckpt")
    with tf.Graph().as_default(), v1.Session() as session:
        places = {name: v1.placeholder(tf.int32, array.shape) for name, array in given.items()}
        model = modeling.BertModel(config, False, *(places[name] for name in INPUTS))
        v1.train.Saver(v1.trainable_variables()).restore(session, prefix)
        wanted = (model.get_sequence_output(), model.get_pooled_output())
        sequence, pooled = session.run(wanted, {places[name]: given[name] for name in given})
    reader = tf.train.load_checkpoint(prefix)
    values = {f"values/{name}": reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    shutil.rmtree(work / "google", ignore_errors=True)
    shutil.copytree(checkpoint, work / "google" / "given")
    said = json.loads((checkpoint / "bert_config.json").read_text())
    copy = work / "google" / "tensorflow"  # Google's code has the tanh form under the name gelu
    copy.mkdir()
    for path in checkpoint.iterdir():
        shutil.copyfile(path, copy / path.name)
    (copy / "bert_config.json").write_text(json.dumps({**said, "hidden_act": "gelu_new"}))
    np.savez(work / "google" / "outputs.npz", **given, **values, sequence=sequence, pooled=pooled)


def save(checkout: Path, source: Path) -> None:
    modeling, _ = google(checkout)
    folder = source / "tensorflow"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in ("config.json", "vocab.txt", "tokenizer_config.json"):
        shutil.copyfile(source / "safetensors" / name, folder / name)
    fields = modeling.BertConfig(1).to_dict()
    told = json.loads((folder / "config.json").read_text())
    config = modeling.BertConfig(**{name: told[name] for name in fields})
    values = tensors(source / "safetensors" / "model.safetensors")
    given = np.load(source / "outputs.npz")
    with tf.Graph().as_default(), v1.Session() as session:
        model = modeling.BertModel(config, False, *(tf.constant(given[name]) for name in INPUTS))
        for variable in v1.trainable_variables():
            name = variable.op.name
            stored = values[name_of_transformers(name)]
            variable.load(stored.T if name.endswith("kernel") else stored, session)
        v1.train.Saver(v1.trainable_variables()).save(session, str(folder / "bert_model.ckpt"), write_state=False)
        sequence, pooled = session.run((model.get_sequence_output(), model.get_pooled_output()))
    pieces = {name: given[name] for name in INPUTS}
    np.savez(source / "google.npz", **pieces, sequence=sequence, pooled=pooled)


def name_of_transformers(name: str) -> str:
    for google_, theirs in (
        ("bert/", ""),
        ("layer_", "layer/"),
        ("LayerNorm/gamma", "LayerNorm/weight"),
        ("LayerNorm/beta", "LayerNorm/bias"),
        ("kernel", "weight"),
        ("_embeddings", "_embeddings/weight"),
        ("/", "."),
    ):
        name = name.replace(google_, theirs)
    return name


def tensors(path: Path) -> dict[str, Any]:
    """All of a safetensors file of float32."""
    content = path.read_bytes()
    begin = 8 + int.from_bytes(content[:8], "little")
    found = {}
    for name, entry in json.loads(content[8:begin]).items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            found[name] = np.frombuffer(content[begin + start : begin + end], "<f4").reshape(entry["shape"])
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["read", "save"])
    parser.add_argument("--checkout", required=True, type=Path)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--source", type=Path)
    chosen = parser.parse_args()
    v1.disable_eager_execution()
    if chosen.what == "read":
        read(chosen.checkout, chosen.checkpoint, chosen.work)
    else:
        save(chosen.checkout, chosen.source)


if __name__ == "__main__":
    main()
