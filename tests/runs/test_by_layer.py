"""Rates by layer and frozen layers in real runs: one update beside NumPy, and what a run leaves behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mindspore import ParameterTuple, Tensor, ops
from numpy.typing import NDArray
from safetensors.numpy import load_file

from bert_core.cli.main import run
from bert_core.manager import PluginManager
from bert_core.options import Layer
from bert_core.plan import make_plan
from bert_core.runner import Run
from bert_core.training.loop import _arrays, train_steps

Array = NDArray[Any]
Command = Callable[..., list[str]]

RATE, DECAY, EPSILON, FACTOR = 1e-2, 0.1, 1e-3, 0.5
FACTORS = {"bert.embeddings.": 0.125, "bert.encoder.layer.0.": 0.25, "bert.encoder.layer.1.": 0.5, "classifier.": 1.0}


class Silent:
    """A reporter that says nothing."""

    def say(self, line: str) -> None: ...


def built(data: Path, optimizer: str, **more: str) -> Run:
    """A run of two layers that is ready to make an update."""
    flat = {
        "train_data": f"{data}/train.conll",
        "vocab": f"{data}/vocab.txt",
        "hidden_size": "16",
        "num_hidden_layers": "2",
        "num_attention_heads": "2",
        "intermediate_size": "24",
        "max_position_embeddings": "64",
        "max_length": "64",
        "batch_size": "4",
        "learning_rate": str(RATE),
        "clip_norm": "0",
        "warmup": "0",
        "weight_decay": str(DECAY),
        **({"epsilon": str(EPSILON)} if optimizer in ("adamw", "lamb") else {}),
        **more,
    }
    wanted = {"task": "ner", "optimizer": optimizer, "schedule": "constant"}
    plan = make_plan(PluginManager(), wanted=wanted, layers=[Layer(origin="test", flat=flat)])
    return Run(plan, PluginManager(), Silent(), None)  # type: ignore[arg-type]


def values(run: Run) -> dict[str, Array]:
    return {name: parameter.asnumpy().astype(np.float64) for name, parameter in run.assembled.parameters.items()}


@pytest.fixture(scope="module")
def gradients(data: Path) -> Mapping[str, Array]:
    """Of the first batch, by the name of the parameter."""
    run = built(data, "sgd")
    assert run.trainer is not None
    parameters = run.assembled.parameters
    objective = run.assembled.objective.set_train()
    gradient = ops.value_and_grad(objective, None, weights=ParameterTuple(list(parameters.values())))
    batches, _ = _arrays(run.task, run.trainer.course, 0)
    _, found = gradient(*map(Tensor, batches[0]))
    return {name: array.asnumpy().astype(np.float64) for name, array in zip(parameters, found, strict=True)}


def moved(optimizer: str, value: Array, gradient: Array, rate: float) -> Array:
    """A parameter after the first update: for Adam's family both corrected moments are the gradient's own."""
    decay = DECAY if value.ndim > 1 else 0.0
    adam = optimizer in ("adamw", "lamb")
    update = (gradient / (np.abs(gradient) + EPSILON) if adam else gradient) + decay * value
    length = np.linalg.norm(update)
    trust = optimizer == "lamb" and value.ndim > 1 and length > 0
    return value - rate * (np.linalg.norm(value) / length if trust else 1.0) * update


@pytest.mark.parametrize("optimizer", ["adamw", "lamb", "momentum", "sgd"])
def test_an_update_is_numpys_with_the_factor_of_each_layer(
    optimizer: str, data: Path, gradients: Mapping[str, Array]
) -> None:
    run = built(data, optimizer, layer_decay=str(FACTOR))
    before = values(run)
    assert run.trainer is not None
    next(train_steps(run.trainer.stepper, run.task, run.trainer.course, run.trainer.progress))
    for name, after in values(run).items():
        (factor,) = (factor for start, factor in FACTORS.items() if name.startswith(start))
        wanted = moved(optimizer, before[name], gradients[name], RATE * factor)
        farthest = np.abs(wanted - before[name]).max()
        assert farthest > 0, name
        np.testing.assert_allclose(after, wanted, rtol=0, atol=2e-3 * farthest + 2e-8, err_msg=name)


FROZEN = ("bert.embeddings.", "bert.encoder.layer.0.")
BY_LAYER = ("--freeze-embeddings", "--freeze-layers", "1", "--layer-decay", "0.8", "--num-hidden-layers", "2")


@pytest.fixture(scope="module")
def straight(command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of eight steps, scored and saved after each four."""
    output = tmp_path_factory.mktemp("frozen") / "straight"
    assert run(command(output, *BY_LAYER, "--epochs", "2", "--keep", "5")) == 0
    return output


def test_what_is_frozen_stays_and_is_in_the_checkpoint_and_nothing_is_remembered_of_it(straight: Path) -> None:
    four, eight = (load_file(straight / "checkpoints" / f"step-0000000{n}" / "model.safetensors") for n in (4, 8))
    assert set(four) == set(eight)
    for name, tensor in eight.items():
        assert (tensor.tobytes() == four[name].tobytes()) == name.startswith(FROZEN), name
    moments = load_file(straight / "latest" / "training.safetensors")
    of = {name.partition(".")[2] for name in moments if "moment" in name}
    assert of == {name for name in eight if not name.startswith(FROZEN)}


def test_what_is_frozen_is_what_the_weights_were(straight: Path, command: Command, tmp_path: Path) -> None:
    more = ("--weights", str(straight), "--freeze-embeddings", "--max-steps", "2", "--no-eval")
    assert run(command(tmp_path / "run", "--num-hidden-layers", "2", *more)) == 0
    before = load_file(straight / "best" / "model.safetensors")
    for name, tensor in load_file(tmp_path / "run" / "latest" / "model.safetensors").items():
        frozen = name.startswith("bert.embeddings.")
        assert (tensor.tobytes() == before[name].tobytes()) == frozen, name


@pytest.mark.parametrize("stop", ["3", "4"])
def test_a_stopped_run_with_frozen_layers_ends_with_the_same_bytes(
    stop: str, straight: Path, command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "stopped"
    assert run(command(output, *BY_LAYER, "--epochs", "2", "--keep", "5", "--stop-after", stop)) == 0
    capsys.readouterr()
    assert run(["resume", str(output)]) == 0
    assert "frozen: the embeddings and the lowest 1 of 2 layers; 0.0 of 0.0 million" in capsys.readouterr().out
    for name in ("model.safetensors", "training.safetensors", "state.json"):
        assert (output / "latest" / name).read_bytes() == (straight / "latest" / name).read_bytes()
    assert json.loads((output / "scores.json").read_text()) == json.loads((straight / "scores.json").read_text())


def test_frozen_layers_stay_where_gradients_are_added_up(command: Command, tmp_path: Path) -> None:
    output = tmp_path / "run"
    more = ("--accumulate", "2", "--max-steps", "2", "--save-every", "1", "--no-eval", "--optimizer", "momentum")
    assert run(command(output, *BY_LAYER, *more)) == 0
    one, two = (load_file(output / "checkpoints" / f"step-0000000{n}" / "model.safetensors") for n in (1, 2))
    for name, tensor in two.items():
        assert (tensor.tobytes() == one[name].tobytes()) == name.startswith(FROZEN), name
