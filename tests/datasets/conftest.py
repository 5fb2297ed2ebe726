"""A small tagged file whose words are single pieces, and its vocabulary."""

from __future__ import annotations

from pathlib import Path

import pytest

TRAIN = """\
Ana B-PER
Duarte I-PER
lives O
in O
Porto B-LOC
. O

Oslo B-LOC
sleeps O

she O
lives O
in O
Oslo B-LOC

"""


@pytest.fixture
def train(tmp_path: Path) -> Path:
    path = tmp_path / "train.conll"
    path.write_text(TRAIN, encoding="utf-8")
    return path


@pytest.fixture
def vocab(tmp_path: Path) -> Path:
    words = ["ana", "duarte", "lives", "in", "porto", ".", "oslo", "sleeps", "she"]
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words]) + "\n", encoding="utf-8")
    return path
