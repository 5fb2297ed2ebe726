"""Operators of MindSpore whose results are not the same bits at every run are used nowhere."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
# The logarithm on CPU (MindSpore 2.10) is one polynomial where a thread's share ends and another one before, and how
# work is shared is tuned by the clock: about one in a hundred calls on 45 x 9 numbers differed in a last bit.
UNSTEADY = re.compile(r"\bops\.(log|Log|logsumexp|logaddexp)\(")


def test_no_cell_takes_a_logarithm_whose_last_bit_depends_on_the_clock() -> None:
    sources = [*ROOT.glob("bert_core/**/*.py"), *ROOT.glob("plugins/*/src/**/*.py")]
    assert len(sources) > 100
    found = [path for path in sources if UNSTEADY.search(path.read_text(encoding="utf-8").replace("`ops.log`", ""))]
    assert found == []
