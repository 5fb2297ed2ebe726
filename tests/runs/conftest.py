"""Small data and one trained run that many tests look at."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import importlib_metadata
import pytest
from importlib_metadata import distributions

from bert_core.cli.main import run

SAMPLE = Path(__file__).parents[2] / "plugins" / "ner" / "src" / "bertrun_ner" / "sample" / "en"
TINY = (
    "--hidden-size 16 --num-hidden-layers 1 --num-attention-heads 2 --intermediate-size 24 --max-position-embeddings 64"
)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train.conll, dev.conll and a vocabulary of the training words and single letters."""
    folder = tmp_path_factory.mktemp("data")
    for name, count in (("train", 40), ("dev", 12)):
        sentences = (SAMPLE / f"{name}.conll").read_text(encoding="utf-8").split("\n\n")
        kept = [block for block in sentences if "DOCSTART" not in block][:count]
        (folder / f"{name}.conll").write_text("\n\n".join(kept) + "\n", encoding="utf-8")
    letters = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
    lines = (folder / "train.conll").read_text(encoding="utf-8").lower().splitlines()
    words = sorted({word for line in lines if (word := line.split(" ")[0]).isalpha() and len(word) > 1})
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = [*special, *letters, *(f"##{letter}" for letter in letters), *words]
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def command(data: Path) -> Callable[..., list[str]]:
    """The command line of a tiny run from scratch, with more words at its end."""

    def make(output: Path, *more: str) -> list[str]:
        fixed = f"--task ner --vocab {data}/vocab.txt {TINY} --max-length 64 --log-every 1"
        files = f"--train-data {data}/train.conll --eval-data {data}/dev.conll --batch-size 10 --learning-rate 1e-2"
        return [*fixed.split(), *files.split(), "--output", str(output), *more]

    return make


@pytest.fixture(scope="session")
def finished(command: Callable[..., list[str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of six epochs of four steps."""
    output = tmp_path_factory.mktemp("runs") / "ner"
    assert run(command(output, "--epochs", "6")) == 0
    return output


@dataclass(frozen=True)
class Watched:
    """A run that an installed plugin has watched: its folder, how it ended, and what the plugin saw."""

    folder: Path
    code: int
    seen: list[tuple[Any, ...]]


@pytest.fixture(scope="session")
def watch() -> Callable[..., Watched]:
    """Run a command line with `tests/plugins/every` installed beside the others."""
    fake = Path(__file__).parents[1] / "plugins" / "every"
    (watcher,) = (point for found in distributions(path=[str(fake)]) for point in found.entry_points)
    points = [*importlib_metadata.entry_points(group="bertrun"), watcher]

    def watch(folder: Path, arguments: list[str]) -> Watched:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(importlib_metadata, "entry_points", lambda group: points)
            patch.syspath_prepend(fake)
            patch.delitem(sys.modules, "fake_every", raising=False)
            code = run(arguments)
            return Watched(folder, code, sys.modules.pop("fake_every").SEEN)

    return watch


@pytest.fixture(scope="session")
def long() -> tuple[str, ...]:
    """The words of a run that is long enough to be stopped."""
    return ("--max-steps", "100", "--eval-every", "25", "--save-every", "25")


@pytest.fixture(scope="session")
def straight(
    command: Callable[..., list[str]],
    long: tuple[str, ...],
    watch: Callable[..., Watched],
    tmp_path_factory: pytest.TempPathFactory,
) -> Watched:
    """A run of 100 steps, scored and saved every 25, from start to end."""
    folder = tmp_path_factory.mktemp("straight") / "ner"
    return watch(folder, command(folder, *long))


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in Hugging Face layout, of the tiny BERT that transformers' outputs were recorded of."""
    folder = tmp_path_factory.mktemp("encoder") / "tiny"
    shutil.copytree(Path(__file__).parents[1] / "bert" / "tiny", folder, ignore=shutil.ignore_patterns("*.npz"))
    shutil.copy(Path(__file__).parents[1] / "weights" / "embeddings" / "vocab.txt", folder)
    return folder


SENTENCES = """\
the cat sat on the mat
the dog ran in the park
a bird sang in the tree
the fish swam in the lake

one two three four five
six seven eight nine ten
the sun rose in the east
the moon set in the west
"""


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few sentences, their vocabulary, and records: masked ones in `stored` and unmasked ones in `records`."""
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "text.txt").write_text(SENTENCES, encoding="utf-8")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(SENTENCES.split())]
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    made = f"data pretrain {folder}/text.txt --vocab {folder}/vocab.txt --lowercase --max-length 32 --quiet"
    assert run([*made.split(), "--output", f"{folder}/stored", "--dupe-factor", "8"]) == 0
    dynamic = ["--output", f"{folder}/records", "--dupe-factor", "3", "--dynamic-masking", "--format", "mindrecord"]
    assert run([*made.split(), *dynamic]) == 0
    return folder


@pytest.fixture(scope="session")
def pretrain(corpus: Path) -> Callable[..., list[str]]:
    """The command line of a tiny pre-training from scratch without scores, with more words at its end."""

    def make(output: Path, *more: str) -> list[str]:
        fixed = f"--task pretrain --vocab {corpus}/vocab.txt --lowercase {TINY} --max-length 32 --batch-size 8"
        files = f"--train-data {corpus}/records --no-eval --learning-rate 1e-2 --log-every 1"
        return [*fixed.split(), *files.split(), "--output", str(output), *more]

    return make


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's metrics without what depends on the clock."""
    found = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return [{key: value for key, value in row.items() if key not in ("tokens_per_s", "seconds")} for row in found]
