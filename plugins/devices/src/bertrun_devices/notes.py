"""What a probe writes down while it looks."""

from __future__ import annotations

from bert_core import Probe


class Notes:
    """Sentences: what is there, what is missing, and what may go wrong."""

    def __init__(self) -> None:
        self._findings: list[str] = []
        self._warnings: list[str] = []
        self._lacking = False

    def has(self, sentence: str) -> None:
        """Something is there."""
        self._findings.append(sentence)

    def lacks(self, sentence: str) -> None:
        """Something is missing without which nothing runs; the sentence says how to get it."""
        self._findings.append(sentence)
        self._lacking = True

    def warns(self, sentence: str) -> None:
        """Something may go wrong; the sentence says what to do."""
        self._warnings.append(sentence)

    def probe(self, count: int) -> Probe:
        """All of it, of a machine with so many devices."""
        return Probe(
            available=not self._lacking, count=count, findings=tuple(self._findings), warnings=tuple(self._warnings)
        )
