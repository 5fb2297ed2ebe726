"""Our pieces are those of Google's own code, whose outputs are recorded in `google/`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from bert_core.text.tokenizer import WordPiece

HERE = Path(__file__).parent
SHARED = HERE.parents[2] / "shared" / "data"
LINES: list[dict[str, Any]] = json.loads((HERE / "google" / "lines.json").read_text("ascii"))
FILES: dict[str, dict[str, str]] = json.loads((HERE / "google" / "files.json").read_text("ascii"))
VOCABULARIES = ("uncased", "cased", "chinese")

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/data: it holds Google's vocabularies")


@pytest.fixture(scope="module", params=VOCABULARIES)
def recorded(request: pytest.FixtureRequest) -> tuple[str, WordPiece]:
    path = SHARED / "vocabs" / f"bert-base-{request.param}-vocab.txt"
    return request.param, WordPiece.from_vocab(path, lowercase=None, max_length=512)


def test_casing_of_googles_vocabularies_is_guessed_right(recorded: tuple[str, WordPiece]) -> None:
    name, text = recorded
    assert text.lowercase == (name != "cased")


def test_hard_lines(recorded: tuple[str, WordPiece]) -> None:
    name, text = recorded
    wrong = [line["text"] for line in LINES if text.encode(line["text"])[0] != line[name]]
    assert not wrong
    assert len(LINES) > 300


def test_every_span_lies_inside_its_line_and_they_follow_each_other(recorded: tuple[str, WordPiece]) -> None:
    _, text = recorded
    for line in LINES:
        ids, spans = text.encode(line["text"])
        assert len(ids) == len(spans)
        assert all(0 <= start < end <= len(line["text"]) for start, end in spans)
        assert [start for start, _ in spans] == sorted(start for start, _ in spans)


def test_pieces_of_whole_lines_are_those_of_the_text(recorded: tuple[str, WordPiece]) -> None:
    name, text = recorded
    assert text.pieces([line["text"] for line in LINES]) == [line[name] or [text.unk_id] for line in LINES]


@pytest.mark.parametrize("file", FILES)
def test_real_text(recorded: tuple[str, WordPiece], file: str) -> None:
    name, text = recorded
    digests = FILES[file][name]
    lines = (SHARED / file).read_bytes().decode("utf-8").split("\n")[: len(digests) // 8]
    for number, line in enumerate(lines):
        ids = " ".join(map(str, text.encode(line[:400])[0]))
        found = hashlib.sha256(ids.encode()).hexdigest()[:8]
        assert found == digests[number * 8 : number * 8 + 8], f"{file}:{number + 1}"
