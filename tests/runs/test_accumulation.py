"""Micro-batches make the update of one batch of all of them, whatever the task, with and without a loss scale."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from bert_core.cli.main import run

from .conftest import TINY, rows_of

Command = Callable[..., list[str]]
Line = Callable[[Path], list[str]]
# Without dropout, whose masks differ, and without Adam, which makes steps of one length of the smallest gradients.
STILL = "--hidden-dropout-prob 0 --attention-probs-dropout-prob 0 --no-eval --max-steps 3 --learning-rate 0.3"
OPTIMIZER = "--optimizer sgd --schedule constant --warmup 0 --clip-norm 0.5 --log-every 1"
TASKS = ["ner", "ner-crf", "class-sets", "numbers", "squad"]
AT_NIGHT = ["classes", "pretrain"]  # test_pretraining_run.py and the losses' own tests hold the same of them
TEXTS = [
    "a red apple",
    "the sea",
    "fire and ice and the wide sea under the sky",
    "sky",
    "the brick is red as fire is red",
    "ice and sky",
    "an apple and a brick of ice",
]


def _classified(folder: Path, name: str, labels: list[str]) -> Path:
    """A table of texts of differing lengths."""
    rows = islice(zip(cycle(TEXTS), cycle(labels), strict=False), 20)
    path = folder / f"{name}.tsv"
    path.write_text("text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows), encoding="utf-8")
    return path


def _asked(folder: Path) -> Path:
    """Questions about texts of differing lengths, some with a text in several windows."""
    questions = []
    for number, text in enumerate(islice(cycle(TEXTS), 20)):
        context = " ".join([text] * (1 + number % 4))
        answers = [{"text": text.split()[-1], "answer_start": len(text) - len(text.split()[-1])}]
        asked = {"id": str(number), "question": f"what is {text.split()[0]}", "answers": answers}
        questions.append({"context": context, "qas": [asked]})
    path = folder / "squad.json"
    path.write_text(json.dumps({"data": [{"title": "a", "paragraphs": questions}]}), encoding="utf-8")
    return path


@pytest.fixture(scope="module", params=[*TASKS, *(pytest.param(name, marks=pytest.mark.slow) for name in AT_NIGHT)])
def line(
    request: pytest.FixtureRequest,
    command: Command,
    pretrain: Command,
    data: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Line:
    """The command line of three updates without dropout, by where it writes."""
    folder = tmp_path_factory.mktemp("data")

    def of_texts(task: str, file: Path, *more: str) -> Line:
        more = (*more, "--head-dropout", "0") if task == "classifier" else more
        fixed = f"--task {task} --vocab {data}/vocab.txt {TINY} --max-length 40 --batch-size 10 --train-data {file}"
        return lambda output: [*fixed.split(), *more, "--output", str(output)]

    makes: dict[str, Callable[[], Line]] = {
        "ner": lambda: lambda output: command(output, "--head-dropout", "0"),
        "ner-crf": lambda: lambda output: command(output, "--crf", "--head-dropout", "0"),
        "classes": lambda: of_texts("classifier", _classified(folder, "classes", ["warm", "cold", "cold"])),
        "class-sets": lambda: of_texts(
            "classifier", _classified(folder, "sets", ["warm,red", "cold", "red,wet,cold"]), "--multi-label"
        ),
        "numbers": lambda: of_texts("classifier", _classified(folder, "numbers", ["1.5", "0", "3"]), "--regression"),
        "squad": lambda: of_texts("squad", _asked(folder), "--doc-stride", "8", "--max-query-length", "8"),
        "pretrain": lambda: lambda output: pretrain(output, "--batch-size", "10"),
    }
    make = makes[request.param]()
    return lambda output: [*make(output), *STILL.split(), *OPTIMIZER.split()]


@pytest.fixture(scope="module")
def whole(line: Line, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run whose batches are not cut."""
    output = tmp_path_factory.mktemp("whole") / "run"
    assert run(line(output)) == 0
    return output


def assert_same_updates(output: Path, whole: Path) -> None:
    rows, expected = rows_of(output), rows_of(whole)
    assert [row["step"] for row in rows] == [row["step"] for row in expected] == [1, 2, 3]
    for name in ("loss", "grad_norm"):
        np.testing.assert_allclose([row[name] for row in rows], [row[name] for row in expected], rtol=2e-5)
    found, wanted = (load_file(folder / "latest" / "model.safetensors") for folder in (output, whole))
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=2e-6, err_msg=name)


@pytest.mark.parametrize(
    "more",
    [
        pytest.param("--accumulate 2", id="alone"),
        pytest.param("--accumulate 5 --loss-scale 4096", id="scaled", marks=pytest.mark.slow),
    ],
)
def test_micro_batches_make_the_update_of_one_batch(line: Line, whole: Path, tmp_path: Path, more: str) -> None:
    assert run([*line(tmp_path / "parts"), *more.split()]) == 0
    assert_same_updates(tmp_path / "parts", whole)


@pytest.mark.slow
@pytest.mark.parametrize("reduce", ["after", "each"])
def test_two_processes_make_it_too_however_often_they_add_gradients_up(
    line: Line, whole: Path, tmp_path: Path, reduce: str
) -> None:
    words = [*line(tmp_path / "shared"), "--accumulate", "2", "--devices", "2", "--reduce", reduce]
    where = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-m", "bert_core.cli", *words]
    done = subprocess.run(command, env=where, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_same_updates(tmp_path / "shared", whole)
