"""Every window of real questions against those that Google's published run_squad.py made of them."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from bertrun_squad.question import Question
from bertrun_squad.reader import read_questions
from bertrun_squad.windows import Cut, Windows

from bert_core import Window
from bert_core.text.tokenizer import WordPiece

SHARED = Path(__file__).parents[4] / "shared" / "data"
GOLDEN = Path(__file__).parent / "goldens" / "windows.npz"


@pytest.fixture(scope="module")
def questions() -> Sequence[Question]:
    path = SHARED / "squad-excerpt" / "train.json"
    if not path.exists():
        pytest.skip(f"real data is not here: {path}")
    with np.load(GOLDEN) as golden:
        if hashlib.sha256(path.read_bytes()).hexdigest() != str(golden["sha256"]):
            pytest.skip(f"{path} is not the file that Google's windows were recorded of")
        found = [one for one in read_questions(path) if one.answers]
        ids = hashlib.sha256("".join(one.id for one in found).encode()).hexdigest()
        assert ids == str(golden["ids"]), "the same questions, in the same order"
    return found


def digest(window: Window) -> int:
    """As record_windows.py has it of a feature of Google's."""
    ids, types = [list(map(int, values)) for values in (window.input_ids, window.token_type_ids)]
    best = (window.place.first + np.flatnonzero(window.place.best)).tolist()
    return zlib.crc32(repr((ids, types, best)).encode())


@pytest.mark.parametrize(("length", "stride", "query"), [(384, 128, 64), (128, 48, 12)])
def test_windows_are_those_of_googles_script(
    length: int, stride: int, query: int, questions: Sequence[Question]
) -> None:
    vocab = SHARED / "vocabs" / "bert-base-uncased-vocab.txt"
    windows = Windows(WordPiece.from_vocab(vocab, lowercase=True, max_length=length), Cut(stride, query))
    found = [window for number, one in enumerate(questions) for window in windows.of(number, one)]
    with np.load(GOLDEN) as golden:
        example, crc, answer = (golden[f"{length}-{stride}-{query}/{name}"] for name in ("example", "digest", "answer"))
    assert [window.example for window in found] == example.tolist()
    assert [digest(window) for window in found] == crc.tolist()
    ours = np.array([[w.features["start_positions"], w.features["end_positions"]] for w in found])
    same = (ours == answer).all(axis=1)
    # Google's script keeps whole words where an answer begins or ends inside of one; here it has its own pieces.
    inside = (answer[:, 0] <= ours[:, 0]) & (ours[:, 1] <= answer[:, 1])
    cut = answer[:, 0] == 0  # the words reach beyond the window, the pieces do not
    assert (same | inside | cut).all()
    print(f"{(~same).sum()} of {len(same)} windows have an answer inside of Google's words")
    assert (~same).sum() < 0.01 * len(same)
