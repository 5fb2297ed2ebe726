from __future__ import annotations

import functools
import sys
from pathlib import Path

import pytest

from bert_core.text.tokenizer import WordPiece

sys.path.insert(0, str(Path(__file__).parent))  # for `broken_sinks`, in worker processes too

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = "abcdefghijklmnopqrstuvwxyzαβγδοσς"
SHARED = Path(__file__).parents[4] / "shared" / "data"


def vocabulary(path, words=()):
    """Letters, as words and as what follows, so that every lower-case word has pieces."""
    pieces = [
        *SPECIAL,
        *LETTERS,
        *(f"##{letter}" for letter in LETTERS),
        *".,!?0123456789",
        *"我们研究生命的起源在北京大学",
        *words,
    ]
    path.write_text("".join(f"{piece}\n" for piece in dict.fromkeys(pieces)), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def vocab(tmp_path_factory):
    return vocabulary(tmp_path_factory.mktemp("vocabulary") / "vocab.txt", ["the", "cat", "sat", "on", "mat", "##ting"])


@pytest.fixture(scope="session")
def open_encoder(vocab):
    return functools.partial(WordPiece.from_vocab, vocab, lowercase=True, max_length=128)


@pytest.fixture(scope="session")
def encoder(open_encoder):
    return open_encoder()


@pytest.fixture(scope="session")
def shared():
    if not SHARED.is_dir():
        pytest.skip("no ../shared/data beside the checkout")
    return SHARED
