"""`bertrun embed`: what it prints, what it writes, and what it refuses before any work."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from bert_core.cli.main import run
from bert_core.cli.progress import Progress
from bert_core.vector_files import VectorTensors

RECORDED = Path(__file__).parents[1] / "weights" / "embeddings"
ROWS: list[dict[str, Any]] = json.loads((RECORDED / "pieces.json").read_text("ascii"))
TEXTS = [row["text"] for row in ROWS]
USAGE, DATA, CHECKPOINT = 2, 4, 6


class Answer(NamedTuple):
    """What a command line left with, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def embed(encoder_folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """`bertrun embed` with the tiny weights, in this process."""

    def embed(*arguments: str | Path, weights: str | Path = encoder_folder) -> Answer:
        capsys.readouterr()
        code = run(["embed", str(weights), *map(str, arguments)])
        return Answer(code, *capsys.readouterr())

    return embed


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of texts, of which some are JSON lines."""
    path = tmp_path / "texts.txt"
    lines = [text if number % 2 else json.dumps({"text": text, "id": number}) for number, text in enumerate(TEXTS)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    with np.load(RECORDED / "vectors.npz") as arrays:
        return dict(arrays)


def test_a_line_for_each_text_in_order(embed: Callable[..., Answer], file: Path, recorded: dict[str, Any]) -> None:
    answer = embed(file, "--batch-size", "4")
    assert answer.code == 0
    assert [list(row) for row in answer.rows] == [["text", "vector"]] * len(TEXTS)
    assert [row["text"] for row in answer.rows] == TEXTS
    np.testing.assert_allclose([row["vector"] for row in answer.rows], recorded["mean"], atol=1e-5)
    assert answer.err == "texts with more than 40 pieces, which were cut: 1 of 6\n"


def test_pieces_of_texts_of_the_line_and_of_standard_input(
    embed: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch, recorded: dict[str, Any]
) -> None:
    answer = embed(*(part for text in TEXTS for part in ("--text", text)), "--pooling", "tokens")
    assert [{name: row[name] for name in ("text", "pieces", "offsets")} for row in answer.rows] == ROWS
    for number, row in enumerate(answer.rows):
        np.testing.assert_allclose(row["vectors"], recorded[f"tokens/{number}"], atol=1e-5)
    lines = "".join(f"{text}\n" for text in TEXTS)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode("utf-8")), "utf-8"))
    assert embed("-", "--pooling", "tokens").out == answer.out


def test_one_file_of_vectors(
    embed: Callable[..., Answer], file: Path, tmp_path: Path, recorded: dict[str, Any]
) -> None:
    output = tmp_path / "out.safetensors"
    answer = embed(file, "--pooling", "pooler", "--normalize", "--output", output)
    assert (answer.code, answer.out) == (0, "")
    assert answer.err.splitlines()[0] == f"{output}: vectors of 32 numbers; texts: 6"
    tensors = load_file(output)
    assert {name: (array.shape, str(array.dtype)) for name, array in tensors.items()} == {
        "embeddings": ((6, 32), "float32")
    }
    wanted = recorded["pooler"] / np.linalg.norm(recorded["pooler"], axis=1, keepdims=True)
    np.testing.assert_allclose(tensors["embeddings"], wanted, atol=1e-5)
    with safe_open(output, "np") as opened:
        assert {"pooling": "pooler", "normalized": "true"}.items() <= opened.metadata().items()
    assert {path.name for path in tmp_path.iterdir()} == {"out.safetensors", "texts.txt"}


def test_one_file_of_the_vectors_of_pieces(
    embed: Callable[..., Answer], file: Path, tmp_path: Path, recorded: dict[str, Any]
) -> None:
    output = tmp_path / "out"
    assert embed(file, "--pooling", "tokens", "--format", "safetensors", "--output", output).code == 0
    tensors = load_file(output)
    starts = tensors["starts"]
    assert (starts.shape, str(starts.dtype), tensors["vectors"].dtype) == ((7,), "int64", np.float32)
    with safe_open(output, "np") as opened:
        vocabulary = json.loads(opened.metadata()["vocabulary"])
    for number, row in enumerate(ROWS):
        part = slice(starts[number], starts[number + 1])
        np.testing.assert_allclose(tensors["vectors"][part], recorded[f"tokens/{number}"], atol=1e-5)
        assert [vocabulary[piece] for piece in tensors["piece_ids"][part]] == row["pieces"]
        assert tensors["offsets"][part].tolist() == row["offsets"]


def test_a_number_of_a_line_is_the_same_float32(
    embed: Callable[..., Answer], tmp_path: Path, recorded: dict[str, Any]
) -> None:
    lines, tensors = tmp_path / "out.jsonl", tmp_path / "out.safetensors"
    for output in (lines, tensors):
        assert embed("--text", TEXTS[3], "--max-length", "8", "--output", output).code == 0
    row = json.loads(lines.read_text(encoding="utf-8"))
    assert row["text"] == TEXTS[3]
    assert np.array_equal(np.asarray([row["vector"]], np.float32), load_file(tensors)["embeddings"])


def test_the_header_of_many_vectors_fits_the_room_that_was_left(tmp_path: Path) -> None:
    with (tmp_path / "many").open("wb") as stream:
        sink = VectorTensors(stream, {"weights": "\u4e2d" * 50, "vocabulary": "x" * 3000})
        sink.add(["a"] * 3, np.eye(3, 5, dtype=np.float32))
        sink._shape = (10**17, 10**3)
        assert len(json.dumps({"__metadata__": sink._metadata, **sink._entries({})})) < sink._room
        sink._shape = (3, 5)
        sink.close()
    assert np.array_equal(load_file(tmp_path / "many")["embeddings"], np.eye(3, 5, dtype=np.float32))


# What is refused, with {t} for a folder with `empty`, `texts` and `held`: the arguments, the code, the sentence.
REFUSED = {
    "no text": ("", USAGE, "give either --text or a FILE (- for standard input)"),
    "text and file": ("{t}/texts --text a", USAGE, "give either --text or a FILE (- for standard input)"),
    "no such file": ("{t}/none", DATA, "{t}/none: the file cannot be read: No such file or directory"),
    "an empty file": ("{t}/empty", DATA, "{t}/empty: there is no text to embed"),
    "no such folder": ("{t}/texts --output {t}/no/out", USAGE, "{t}/no: there is no such folder for --output"),
    "a folder": ("{t}/texts --output {t}", USAGE, "{t}: this is a folder, and --output names a file"),
    "a device": (
        "{t}/texts --output /dev/null",
        USAGE,
        "/dev/null: this is no regular file, and --output replaces what is there",
    ),
    "a format that is no line": (
        "{t}/texts --format safetensors",
        USAGE,
        "--format safetensors is a file. Name it with --output",
    ),
    "too long": (
        "{t}/texts --max-length 65 --output {t}/held",
        USAGE,
        "--max-length 65 is more than the model's 64 positions. "
        "Say --max-length 64; what is beyond it in a text is not read",
    ),
    "no pooler": (
        "{t}/texts --pooling pooler --output {t}/held",
        USAGE,
        "these weights have no pooler. Take the pooling mean or cls",
    ),
    "a bad line": (
        "{t}/bad --output {t}/held",
        DATA,
        '{t}/bad:2: this JSON line has no "text"; its keys are: words',
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_said_and_leaves_everything_as_it_was(
    name: str, embed: Callable[..., Answer], finished: Path, tmp_path: Path
) -> None:
    arguments, code, said = REFUSED[name]
    contents = {"empty": "", "texts": "a\n", "bad": 'a\n{"words": []}\n', "held": "what was there"}
    for file, content in contents.items():
        (tmp_path / file).write_text(content, encoding="utf-8")
    answer = embed(*arguments.format(t=tmp_path).split(), weights=finished)
    assert answer == (code, "", f"bertrun: error: {said.format(t=tmp_path)}\n")
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == contents


def test_weights_that_are_not_there(embed: Callable[..., Answer], finished: Path, tmp_path: Path) -> None:
    answer = embed("--text", "a", weights="minilm-l7")
    assert (answer.code, answer.out) == (CHECKPOINT, "")
    assert "no weights named 'minilm-l7'. Did you mean 'minilm-l6'?" in answer.err
    copied = shutil.copytree(finished / "best", tmp_path / "copied")
    (copied / "model.safetensors").write_bytes(b"")
    answer = embed("--text", "a", weights=copied)
    assert (answer.code, answer.out) == (CHECKPOINT, "")
    assert "this checkpoint is damaged: model.safetensors is not what was written" in answer.err


def test_a_live_line_leaves_standard_output_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with Progress(live=True) as progress:
        print("a result")
        progress(1)
    shown = capsys.readouterr()
    assert shown.out == "a result\n"
    assert "texts: 1" in shown.err


def test_elsewhere_a_line_comes_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([100.0, 104.0, 111.0, 112.0])
    monkeypatch.setattr("bert_core.cli.progress.time.monotonic", lambda: next(clock))
    with Progress(live=True) as progress:
        for done in (32, 64, 142, 150):
            progress(done)
    assert capsys.readouterr() == ("", "texts: 142, 10 a second\n")
