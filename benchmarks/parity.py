"""How far the encoder's vectors are from those of each model's original, for each format that weights come in.

    python benchmarks/parity.py --work WORK

WORK is what `peer_parity.py` and `peer_google.py` wrote, with real pieces. The tiny recorded models of `tests/` are
measured too: NEZHA (transformers 4.36.2) and the ModelZoo's BERT and NEZHA (its own code under MindSpore).

Differences are the greatest of the last layer's vectors, over all pieces that are no padding, and of the pooled
vectors. Beside them stands how many tensors are equal to the bit to what the format's own library reads: safetensors,
TensorFlow, `mindspore.load_checkpoint`. Where the library reads another form, the weights are converted to it first.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor
from numpy.typing import NDArray
from safetensors.numpy import load_file

from bert_core.assembly import build_encoder, device_named, model_of, open_weights
from bert_core.errors import CheckpointError
from bert_core.manager import PluginManager, Policy
from bert_core.training.encoding import INPUTS, Undropped
from bert_core.weights.convert import Target, convert
from bert_core.weights.opened import Weights

TESTS = Path(__file__).parents[1] / "tests"
MODELZOO = TESTS / "weights" / "data" / "modelzoo"
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Case:
    """Weights in one format.

    Args:
        model: Whose weights they are.
        format: The format.
        path: Where they are, or a function that makes them.
        recorded: Pieces and vectors.
        stored: What the format's own library reads, and the same of what is measured.
    """

    model: str
    format: str
    path: Callable[[], Path]
    recorded: Arrays
    stored: Callable[[Weights], tuple[Arrays, Arrays]]


def cases(work: Path) -> Iterator[Case]:
    folders = {name: work / name for name in ("minilm-l6", "bert-base, random", "nezha-base, random")}
    for name, folder in {**folders, "nezha, tiny": tiny_nezha(work / "nezha, tiny")}.items():
        yield from formats(name, folder)
    for name in ("google", "google in transformers"):
        yield of_google(name, work)
    for name in ("bert", "nezha"):
        yield of_modelzoo(name, work / f"modelzoo {name}")


def formats(name: str, folder: Path) -> Iterator[Case]:
    """What the other side wrote, and what `bertrun weights convert` makes of it."""
    recorded = np.load(folder / "outputs.npz")
    source = folder / "safetensors"
    values = load_file(source / "model.safetensors")

    def stored(weights: Weights) -> tuple[Arrays, Arrays]:
        return values, {key.removeprefix("bert."): weights.tensor(key) for key in weights.tensors}

    for form in ("safetensors", "safetensors in shards", "torch zip", "torch legacy", "tensorflow"):
        if (folder / form).is_dir():
            yield Case(name, form, lambda form=form: folder / form, recorded, stored)
    if (folder / "google.npz").exists():
        beside, google = folder / "tensorflow", np.load(folder / "google.npz")
        yield Case(f"{name}, Google's code", "tensorflow", lambda: with_tanh(beside), google, stored)
    for target, form in (("tf-names", "convert --to tf-names"), ("modelzoo", "convert --to modelzoo")):
        path = folder / form
        yield Case(name, form, lambda path=path, to=target: converted(Weights(source), path, to), recorded, stored)


def with_tanh(folder: Path) -> Path:
    """The same weights with the GELU of Google's code, which is the form with tanh under the name gelu."""
    made = folder.parent.parent / f"{folder.parent.name}, tanh"
    shutil.rmtree(made, ignore_errors=True)
    shutil.copytree(folder, made, copy_function=os.link)
    (made / "config.json").unlink()
    config = json.loads((folder / "config.json").read_text())
    (made / "config.json").write_text(json.dumps({**config, "hidden_act": "gelu_new"}))
    return made


def tiny_nezha(folder: Path) -> Path:
    """The recorded NEZHA, laid out as the others."""
    kept = TESTS / "bert" / "tiny_nezha"
    (folder / "safetensors").mkdir(parents=True, exist_ok=True)
    shutil.copy(kept / "outputs.npz", folder)
    for name in ("config.json", "model.safetensors"):
        shutil.copy(kept / name, folder / "safetensors")
    return folder


def of_google(name: str, work: Path) -> Case:
    """Google's tiny checkpoint; which GELU it has is in the configuration."""
    read = np.load(work / "google" / "outputs.npz")
    values = {key.removeprefix("values/"): read[key] for key in read.files if key.startswith("values/")}

    def stored(weights: Weights) -> tuple[Arrays, Arrays]:
        made = converted(weights, work / name / "tf-names", "tf-names")
        return values, load_file(made / "model.safetensors")

    return Case(name, "tensorflow", lambda: work / name / "tensorflow", np.load(work / name / "outputs.npz"), stored)


def of_modelzoo(name: str, folder: Path) -> Case:
    """A recorded checkpoint of the ModelZoo, beside a configuration that says its heads, which no shape tells."""
    outputs = np.load(MODELZOO / "outputs.npz")
    recorded = {key: outputs[key] for key in INPUTS}
    recorded |= {key: outputs[f"{name}/{key}"] for key in ("sequence", "pooled")}
    original = MODELZOO / f"{name}.ckpt"

    def path() -> Path:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        shutil.copy(original, folder)
        config = dict(Weights(folder).config)
        (folder / "config.json").write_text(json.dumps({**config, "num_attention_heads": 2}))
        return folder

    def stored(weights: Weights) -> tuple[Arrays, Arrays]:
        made = converted(weights, folder / "back", "modelzoo")
        return read_ckpt(original), read_ckpt(made / "bert.ckpt")

    return Case(f"modelzoo {name}", "modelzoo", path, recorded, stored)


def read_ckpt(path: Path) -> Arrays:
    return {name: parameter.asnumpy() for name, parameter in ms.load_checkpoint(str(path)).items()}


def converted(weights: Weights, folder: Path, target: Target) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    convert(weights, folder, target, lambda line: None)
    return folder


def equal(theirs: Arrays, ours: Arrays, left_aside: Collection[str]) -> str:
    """How many of their tensors are equal to the bit, and how many are those of an optimizer or unread."""
    kept = [name for name in theirs if name not in left_aside]
    same = [name for name in kept if name in ours and same_bits(theirs[name], ours[name])]
    aside = f", {len(theirs) - len(kept)} left aside" if len(theirs) > len(kept) else ""
    more = f", {len(ours.keys() - theirs.keys())} others" if ours.keys() - theirs.keys() else ""
    return f"{len(same)} of {len(kept)}{aside}{more}"


def same_bits(left: NDArray[Any], right: NDArray[Any]) -> bool:
    return (left.dtype, left.shape, left.tobytes()) == (right.dtype, right.shape, right.tobytes())


def differences(case: Case, path: Path, manager: PluginManager) -> tuple[float, float]:
    """Of the last layer's vectors, and of the pooled ones."""
    weights = open_weights(path, manager)
    spec, options = model_of(weights, manager)
    cell = Undropped(build_encoder(spec, options, device_named(manager, None), weights))
    cell.set_train(False)
    sequence, pooled = cell(*[Tensor(case.recorded[name].astype(np.int32)) for name in INPUTS])
    pieces = case.recorded["attention_mask"] == 1
    between = np.abs(sequence.asnumpy() - case.recorded["sequence"])[pieces]
    return float(between.max()), float(np.abs(pooled.asnumpy() - case.recorded["pooled"]).max())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", required=True, type=Path)
    parser.add_argument("--model", help="only what begins so")
    chosen = parser.parse_args()
    manager = PluginManager(Policy.from_environment(), say=print)
    print("| model | format | last layer | pooled | tensors equal |\n|---|---|---|---|---|")
    for case in cases(chosen.work):
        if not case.model.startswith(chosen.model or ""):
            continue
        try:
            path = case.path()
            sequence, pooled = differences(case, path, manager)
            weights = Weights(path)
            same = equal(*case.stored(weights), weights.dropped)
            found = f"{sequence:.1e} | {pooled:.1e} | {same}"
        except CheckpointError as error:
            found = f"refused: {error} | | "
        print(f"| {case.model} | {case.format} | {found} |", flush=True)


if __name__ == "__main__":
    main()
