"""`python -m bert_core.cli` is `bertrun`."""

from __future__ import annotations

from bert_core.cli.main import main

main()
