"""What every plugin, every task and every metric keeps, of this plugin's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from bertrun_pretraining.example import Guess, Truth
from bertrun_pretraining.metrics import MaskedPieces

from bert_core.testing import TINY_LINES, MetricContract, PluginContract, TaskContract

TEXT = "".join(f"{text}\n" + ("\n" if place % 3 == 2 else "") for place, (_, text) in enumerate(TINY_LINES * 2))


def guesses(*ids: int) -> tuple[Guess, ...]:
    """Examples of two masked positions each."""
    some = (np.float32([-0.1, -0.2]), np.float32([-1.0, -2.0]))
    return tuple(Guess(np.int32([one, 7]), *some, label=one % 2, label_right=-0.5) for one in ids)


def truths(*ids: int) -> tuple[Truth, ...]:
    return tuple(Truth(np.int32([one, 9]), np.float32([1, 0.5]), label=0) for one in ids)


class TestContract(PluginContract):
    entry_point = "bertrun_pretraining.plugin"
    readme = Path(__file__).parents[1] / "README.md"


class TestPretraining(TaskContract):
    name = "pretrain"
    train = TEXT
    text = "the [MASK] sat on the mat"
    bad = {"bytes that are no text": (b"the cat sat\na dog \xff ran\n", 2)}

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def cache(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
        """Records are made of the text, and kept there."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("BERTRUN_CACHE", str(tmp_path_factory.mktemp("cache")))
            yield


class TestScores(MetricContract):
    name = "pretraining"
    predictions = guesses(3, 4, 5)
    references = truths(3, 8, 5)
    bounds = (0, None)
    others = {"masked_lm_accuracy": (0, 1), "next_sentence_accuracy": (0, 1)}


class TestMaskedPieces(MetricContract):
    name = "masked-lm"
    predictions = ((3, 7), (4, 7), (5,))
    references = (MaskedPieces((3, 9), (1, 0)), MaskedPieces((8, 7), (1, 0.5)), MaskedPieces((5,), (1,)))
    others = {"masked_lm_count": (0, None)}


class TestNextSentence(MetricContract):
    name = "next-sentence"
    predictions = (0, 1, 1)
    references = (0, 1, 0)
    degenerate = (((0, 0), (1, 1)),)
