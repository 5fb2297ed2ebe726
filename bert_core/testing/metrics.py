"""What every metric keeps, as tests that a plugin's own test module subclasses."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest

from bert_core.errors import DataError
from bert_core.protocols import Metric
from bert_core.types import MetricSpec

from .specs import SpecContract


class MetricContract(SpecContract):
    """The tests that every metric passes.

    Attributes:
        predictions: Of a few examples, not all of them right; as a task's `predict` gives them.
        references: Of the same examples; as a task's `reference` gives them.
        degenerate: Other pairs of predictions and references that a set may be, such as one class for all.
        bounds: The least and the greatest score, as the summary says them; None where there is no bound.
        others: The same for single scores that differ, by the beginning of their names.

    Example:
        ```python
        class TestAccuracy(MetricContract):
            name = "accuracy"
            predictions = (0, 1, 1)
            references = (0, 1, 0)
        ```
    """

    kind: ClassVar[str] = "metric"
    predictions: ClassVar[Sequence[Any]] = ()
    references: ClassVar[Sequence[Any]] = ()
    degenerate: ClassVar[Sequence[tuple[Sequence[Any], Sequence[Any]]]] = ()
    bounds: ClassVar[tuple[float | None, float | None]] = (0, 1)
    others: ClassVar[Mapping[str, tuple[float | None, float | None]]] = {}

    @pytest.fixture(scope="class")
    @classmethod
    def metric(cls, spec: MetricSpec, values: Any) -> Metric:
        """What is tested."""
        return spec.build(values)

    @pytest.fixture(scope="class")
    @classmethod
    def examples(cls) -> list[tuple[Any, Any]]:
        """Predictions with their references."""
        pairs = list(zip(cls.predictions, cls.references, strict=True))
        assert len(pairs) > 1, "give `predictions` and `references` of two examples or more"
        return pairs

    def test_scores_are_numbers_by_name(self, metric: Metric, examples: list[tuple[Any, Any]]) -> None:
        """A run writes scores as JSON and chooses checkpoints by them, so each has a name and is a finite number."""
        scores = _scores(metric, examples)
        assert scores, "the metric gives no score"
        for name, value in scores.items():
            assert isinstance(name, str), f"{name!r} is no name of a score"
            assert _is_number(value), f"the score {name} is {value!r}; it must be a finite float"

    def test_the_order_of_examples_changes_nothing(self, metric: Metric, examples: list[tuple[Any, Any]]) -> None:
        """Scores are of a set: batches and processes bring it in any order."""
        expected = _scores(metric, examples)
        turned = [examples[start:] + examples[:start] for start in range(1, min(len(examples), 10))]
        for other in [*turned, random.Random(0).sample(examples, len(examples))]:
            found = _scores(metric, other)
            assert _alike(found, expected), f"examples in another order give {found}, and before {expected}"

    def test_asking_twice_gives_the_same(self, metric: Metric, examples: list[tuple[Any, Any]]) -> None:
        """A metric holds no state and leaves what it is given as it was: another metric gets that next."""
        predictions, references = (list(column) for column in zip(*examples, strict=True))
        before = repr((predictions, references))
        first, second = (dict(metric(predictions, references)) for _ in range(2))
        assert _alike(first, second), f"the same set has the scores {first}, and asked again {second}; hold no state"
        assert repr((predictions, references)) == before, "the metric changes the predictions or the references"

    def test_an_empty_set_is_told(self, metric: Metric) -> None:
        """No example gives numbers, or a `DataError` that says so; nothing else is raised."""
        try:
            scores = dict(metric([], []))
        except DataError:
            return
        except Exception as error:
            raise AssertionError(f"a set without examples raises {error!r}; raise a DataError that says so") from error
        assert all(map(_is_number, scores.values())), f"a set without examples has the scores {scores}"

    def test_degenerate_sets_have_scores(self, metric: Metric, examples: list[tuple[Any, Any]]) -> None:
        """One example, the same one many times, and the sets in `degenerate` are scored: a run must not end there."""
        alone = [([one], [other]) for one, other in examples]
        same = [([one] * 3, [other] * 3) for one, other in examples]
        for predictions, references in [*alone, *same, *self.degenerate]:
            what = f"the predictions {predictions!r} of {references!r}"
            try:
                scores = dict(metric(predictions, references))
            except Exception as error:
                raise AssertionError(f"{what} raise {error!r}; give each score a value that is defined") from error
            odd = {name: value for name, value in scores.items() if not _is_number(value)}
            assert not odd, f"{what} have scores that are no finite numbers: {odd}"
            self._check_bounds(scores, what)

    def test_scores_are_in_their_range(self, metric: Metric, examples: list[tuple[Any, Any]]) -> None:
        """From 0 to 1, or what the summary says instead."""
        self._check_bounds(_scores(metric, examples), "the examples")

    def _check_bounds(self, scores: Mapping[str, float], what: str) -> None:
        for name, value in scores.items():
            least, greatest = next((own for start, own in self.others.items() if name.startswith(start)), self.bounds)
            within = (least is None or value >= least) and (greatest is None or value <= greatest)
            assert within, f"{what}: the score {name} is {value}, not from {least} to {greatest}; set `bounds`"


def _scores(metric: Metric, examples: Sequence[tuple[Any, Any]]) -> dict[str, float]:
    predictions, references = zip(*examples, strict=True)
    return dict(metric(list(predictions), list(references)))


def _is_number(value: object) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool) and math.isfinite(value)


def _alike(some: Mapping[str, float], other: Mapping[str, float]) -> bool:
    return some.keys() == other.keys() and all(
        math.isclose(value, other[name], rel_tol=1e-9, abs_tol=1e-12) for name, value in some.items()
    )
