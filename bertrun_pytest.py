"""Fixtures for tests of bertrun's plugins; wherever bertrun is installed pytest loads this, so it imports little."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bert_core.manager import PluginManager
    from bert_core.text.tokenizer import WordPiece


def pytest_configure(config: pytest.Config) -> None:
    """Make known the marker of checks that an author may leave out: `-m "not slow"`."""
    config.addinivalue_line("markers", "slow: takes long; of bertrun's contracts, what starts several processes")


@pytest.fixture
def bertrun_plugins() -> PluginManager:
    """The installed plugins, found anew for each test; nothing is shared between tests."""
    from bert_core.manager import PluginManager

    return PluginManager()


@pytest.fixture(scope="session")
def bertrun_lines() -> tuple[tuple[str, str], ...]:
    """Eight short texts of unlike lengths, each behind its label: (`animal`, `the cat sat on the mat`)."""
    from bert_core.testing.tiny import TINY_LINES

    return TINY_LINES


@pytest.fixture(scope="session")
def bertrun_vocabulary(bertrun_lines: tuple[tuple[str, str], ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `vocab.txt`: letters, digits and marks, so that every ASCII word has pieces, and the words of the lines."""
    from bert_core.testing.tiny import write_vocabulary

    path = tmp_path_factory.mktemp("bertrun") / "vocab.txt"
    return write_vocabulary(path, " ".join(text for _, text in bertrun_lines))


@pytest.fixture(scope="session")
def bertrun_text(bertrun_vocabulary: Path) -> WordPiece:
    """The tokenizer of the tiny vocabulary: what a task's `encode` is given."""
    from bert_core.testing.tiny import tokenizer

    return tokenizer(bertrun_vocabulary)


@pytest.fixture(scope="session")
def bertrun_sizes() -> Mapping[str, Any]:
    """The options of a tiny BERT, by name."""
    from bert_core.testing.tiny import TINY_MODEL

    return TINY_MODEL


@pytest.fixture(scope="session")
def bertrun_encoder(bertrun_sizes: Mapping[str, Any]) -> Callable[..., Any]:
    """`bertrun_encoder(seed=1, pooler=True)`: a tiny BERT, a MindSpore cell on the processor; see `Encoder`."""

    def build(*, seed: int = 1, pooler: bool = True) -> Any:
        from bert_core.manager import PluginManager
        from bert_core.testing.bench import graph_mode
        from bert_core.types import EncoderParts

        graph_mode()
        spec = PluginManager().get("model", "bert")
        return spec.build(spec.options(**bertrun_sizes), EncoderParts(operators={}, pooler=pooler, seed=seed))

    return build
