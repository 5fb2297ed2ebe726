"""The CRF against enumeration of every path in float64."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import mindspore as ms
import numpy as np
import pytest
from bertrun_ner.crf import LinearChainCrf
from bertrun_ner.viterbi import Allowed, path_marginals, viterbi_decode
from hypothesis import given, settings
from hypothesis import strategies as st
from mindspore import nn
from numpy.typing import NDArray

Array = NDArray[Any]
FORBIDDEN = -1e4


class Case(NamedTuple):
    emissions: Array  # (batch, length, labels)
    tags: Array  # (batch, length)
    mask: Array  # (batch, length)
    transitions: Array  # (labels, labels)
    start: Array  # (labels,)
    end: Array  # (labels,)


def make_case(
    seed: int,
    labels: int,
    batch: int = 4,
    length: int = 5,
    spread: float = 2.0,
    cut: float = 0.0,
    first: int = 0,
) -> Case:
    """A random case in fp32; a share `cut` of transitions is forbidden by a score, none among labels < `first`."""
    draw = np.random.default_rng(seed)
    tables = [draw.normal(size=shape).astype(np.float32) for shape in ((labels, labels), labels, labels)]
    for table in tables:
        closed = draw.random(table.shape) < cut
        closed[(slice(first),) * table.ndim] = False
        table[closed] = FORBIDDEN
    lengths = draw.integers(1, length + 1, batch)
    lengths[0] = length
    return Case(
        (draw.normal(size=(batch, length, labels)) * spread).astype(np.float32),
        draw.integers(0, labels, (batch, length)).astype(np.int32),
        np.arange(length) < lengths[:, None],
        *tables,
    )


def enumerate_paths(case: Case, row: int) -> tuple[Array, Array]:
    """Every path (paths, steps) through one sequence and its score in float64."""
    size, labels = int(case.mask[row].sum()), case.start.size
    paths = np.array(list(itertools.product(range(labels), repeat=size)))
    scores = case.start.astype(np.float64)[paths[:, 0]] + case.end.astype(np.float64)[paths[:, -1]]
    scores += case.emissions[row].astype(np.float64)[np.arange(size), paths].sum(1)
    scores += case.transitions.astype(np.float64)[paths[:, :-1], paths[:, 1:]].sum(1)
    return paths, scores


def probabilities(scores: Array) -> Array:
    weights = np.exp(scores - scores.max())
    shares: Array = weights / weights.sum()
    return shares


def log_total(scores: Array) -> float:
    return float(scores.max() + np.log(np.exp(scores - scores.max()).sum()))


def counts(path: Array, like: list[Array]) -> list[Array]:
    """How often the path uses each score: the derivative of its score."""
    emissions, transitions, start, end = [np.zeros(x.shape) for x in like]
    emissions[np.arange(path.size), path] = 1
    np.add.at(transitions, (path[:-1], path[1:]), 1)
    start[path[0]] += 1
    end[path[-1]] += 1
    return [emissions, transitions, start, end]


def brute_force(case: Case) -> tuple[Array, list[Array]]:
    """Losses (batch,) and the gradient of their sum, weighted by 1, 2, 3, ..."""
    losses, grads = [], [np.zeros(x.shape) for x in (case.emissions, case.transitions, case.start, case.end)]
    for row in range(len(case.mask)):
        paths, scores = enumerate_paths(case, row)
        gold = case.tags[row, : paths.shape[1]]
        losses.append(log_total(scores) - scores[(paths == gold).all(1)][0])
        like = [case.emissions[row], case.transitions, case.start, case.end]
        parts = [(p, counts(path, like)) for p, path in zip(probabilities(scores), paths, strict=True) if p > 1e-12]
        for share, part in [*parts, (-1.0, counts(gold, like))]:
            grads[0][row] += (row + 1) * share * part[0]
            for grad, used in zip(grads[1:], part[1:], strict=True):
                grad += (row + 1) * share * used
    return np.array(losses), grads


class Differentiated(nn.Cell):  # type: ignore[misc]
    """Losses and all gradients in one graph, compiled once for every batch and length."""

    def __init__(self, labels: int) -> None:
        super().__init__()
        self.crf = LinearChainCrf(labels)
        parameters = ms.ParameterTuple(self.crf.trainable_params())
        self.both = ms.value_and_grad(self.weighted, 0, parameters, has_aux=True)
        self.set_inputs(
            ms.Tensor(shape=[None, None, labels], dtype=ms.float32),
            ms.Tensor(shape=[None, None], dtype=ms.int32),
            ms.Tensor(shape=[None, None], dtype=ms.bool_),
            ms.Tensor(shape=[None], dtype=ms.float32),
        )

    def weighted(self, emissions: Any, tags: Any, mask: Any, weights: Any) -> Any:
        losses = self.crf(emissions, tags, mask)
        return (losses * weights).sum(), losses

    def construct(self, emissions: Any, tags: Any, mask: Any, weights: Any) -> Any:
        return self.both(emissions, tags, mask, weights)


Run = Callable[[Case], tuple[Array, list[Array]]]


@pytest.fixture(scope="module")
def run() -> Run:
    """Losses and gradients as `brute_force` gives them, from one compiled graph for each number of labels."""
    ms.set_context(mode=ms.GRAPH_MODE)
    graphs: dict[int, Differentiated] = {}

    def losses_and_gradients(case: Case) -> tuple[Array, list[Array]]:
        graph = graphs.setdefault(case.start.size, Differentiated(case.start.size))
        graph.crf.transitions.set_data(ms.Tensor(case.transitions))
        graph.crf.start_transitions.set_data(ms.Tensor(case.start))
        graph.crf.end_transitions.set_data(ms.Tensor(case.end))
        weights = np.arange(1, len(case.mask) + 1, dtype=np.float32)
        inputs = [ms.Tensor(x) for x in (case.emissions, case.tags, case.mask, weights)]
        (_, losses), (emissions, tables) = graph(*inputs)
        assert len(graph.compile_cache) == 1, "the graph was compiled again for another shape"
        return losses.asnumpy(), [emissions.asnumpy(), *(table.asnumpy() for table in tables)]

    return losses_and_gradients


def assert_same(got: tuple[Array, list[Array]], want: tuple[Array, list[Array]], tolerance: float) -> None:
    np.testing.assert_allclose(got[0], want[0], rtol=tolerance, atol=tolerance)
    for ours, theirs in zip(got[1], want[1], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=tolerance * len(got[0]))


CASES = [(seed, labels, length) for seed, (labels, length) in enumerate(itertools.product((2, 3, 4), (1, 2, 3, 5)))]


@pytest.mark.parametrize(("seed", "labels", "length"), CASES)
def test_loss_and_gradients_equal_enumeration(run: Run, seed: int, labels: int, length: int) -> None:
    case = make_case(seed, labels, length=length)
    assert_same(run(case), brute_force(case), 2e-5)


@pytest.mark.parametrize("seed", range(6))
def test_forbidden_transitions_cost_no_precision(run: Run, seed: int) -> None:
    case = make_case(seed, 4, cut=0.6, first=1)
    assert_same(run(case), brute_force(case), 2e-5)


@pytest.mark.parametrize("seed", range(12))
def test_forbidden_transitions_and_huge_emissions_stay_right(run: Run, seed: int) -> None:
    spread = (1.0, 100.0, 1e4)[seed % 3]
    case = make_case(seed, 4, spread=spread, cut=0.6)
    losses, gradients = run(case)
    assert all(np.isfinite(x).all() for x in [losses, *gradients])
    assert_same((losses, gradients), brute_force(case), max(2e-3, 1e-6 * spread))  # fp32 counts in 1e-3 at 1e4


def test_a_label_needed_later_survives_a_hopeless_start(run: Run) -> None:
    """Only label 1 may lead to 2, the sole way out, but 0 is better at first by more than exp can hold."""
    case = make_case(0, 3, batch=2, length=2)
    case.mask[:] = True
    case.transitions[:] = FORBIDDEN
    case.transitions[0, 0] = case.transitions[1, 2] = 0
    case.emissions[:, 0] = 0
    case.end[:] = [FORBIDDEN, FORBIDDEN, 0]
    for first in (300, 30, 60, 90, 120):
        case.emissions[:, 0, 0] = first
        assert_same(run(case), brute_force(case), 1e-4)


def test_every_path_forbidden_is_finite(run: Run) -> None:
    case = make_case(0, 3)
    case.transitions[:] = FORBIDDEN
    case.start[:] = FORBIDDEN
    assert_same(run(case), brute_force(case), 1e-3)


def test_gradients_equal_finite_differences(run: Run) -> None:
    case = make_case(7, 3, batch=2, length=20)
    gradients, step = run(case)[1], 0.05
    weights = np.array([1.0, 2.0])
    draw = np.random.default_rng(0)
    for which, gradient in zip((0, 3, 4, 5), gradients, strict=True):
        for _ in range(4):
            spot = tuple(draw.integers(0, size) for size in gradient.shape)
            ends = []
            for sign in (1, -1):
                moved = Case(*(x.copy() for x in case))
                moved[which][spot] += sign * step
                ends.append(weights @ run(moved)[0])
            assert gradient[spot] == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=5e-3)


@pytest.mark.parametrize("longer", [1, 11, 12, 30, 200])
def test_padding_changes_no_bit(run: Run, longer: int) -> None:
    case = make_case(3, 4, batch=5, length=21)
    losses, gradients = run(case)
    padded = case._replace(
        emissions=np.pad(case.emissions, ((0, 0), (0, longer), (0, 0)), constant_values=np.nan),
        tags=np.pad(case.tags, ((0, 0), (0, longer)), constant_values=-100),
        mask=np.pad(case.mask, ((0, 0), (0, longer))),
    )
    new_losses, new_gradients = run(padded)
    np.testing.assert_array_equal(new_losses, losses)
    np.testing.assert_allclose(new_gradients[0][:, :21], gradients[0], atol=1e-6)
    assert not new_gradients[0][~padded.mask].any()
    for new, old in zip(new_gradients[1:], gradients[1:], strict=True):
        np.testing.assert_allclose(new, old, atol=1e-5)


def test_what_stands_under_the_mask_changes_no_bit(run: Run) -> None:
    case = make_case(4, 4, batch=6, length=20)
    other = make_case(5, 4, batch=6, length=20)
    kept = case.mask
    swapped = case._replace(
        emissions=np.where(kept[:, :, None], case.emissions, other.emissions * 1e3),
        tags=np.where(kept, case.tags, other.tags),
    )
    assert kept.min() == 0
    for new, old in zip(run(swapped)[1] + [run(swapped)[0]], run(case)[1] + [run(case)[0]], strict=True):
        np.testing.assert_array_equal(new, old)


def test_the_order_of_a_batch_does_not_matter(run: Run) -> None:
    case = make_case(6, 4, batch=7, length=18)
    order = np.random.default_rng(0).permutation(7)
    turned = case._replace(emissions=case.emissions[order], tags=case.tags[order], mask=case.mask[order])
    np.testing.assert_allclose(run(turned)[0], run(case)[0][order], rtol=1e-6)


def test_a_certain_gold_path_has_a_loss_of_zero_not_below(run: Run) -> None:
    for seed in range(5):
        case = make_case(seed, 4, batch=8, length=40, spread=3.0)
        case.emissions[np.arange(8)[:, None], np.arange(40), case.tags] += 30
        losses = run(case)[0]
        assert (losses >= 0).all()
        assert (losses < 1e-3).all()


def test_a_long_sequence_agrees_with_float64(run: Run) -> None:
    case = make_case(9, 4, batch=3, length=300)
    paths = [tags[: kept.sum()] for tags, kept in zip(case.tags.astype(np.int64), case.mask, strict=True)]
    tables = (case.emissions, case.mask, case.transitions, case.start, case.end)
    losses, gradients = run(case)
    for row, posterior in enumerate(path_marginals(*tables, paths)):
        at_gold = gradients[0][row, np.arange(posterior.size), paths[row]] / (row + 1)
        np.testing.assert_allclose(at_gold, posterior - 1, atol=1e-5)
    alpha = case.start.astype(np.float64) + case.emissions[:, 0]
    for t in range(1, 300):
        step = np.logaddexp.reduce(alpha[:, :, None] + case.transitions, 1) + case.emissions[:, t]
        alpha = np.where(case.mask[:, t, None], step, alpha)
    totals = np.logaddexp.reduce(alpha + case.end, 1)
    for row, path in enumerate(paths):
        gold = case.start[path[0]] + case.end[path[-1]] + case.transitions[path[:-1], path[1:]].sum(dtype=np.float64)
        gold += case.emissions[row, np.arange(path.size), path].sum(dtype=np.float64)
        assert losses[row] == pytest.approx(totals[row] - gold, rel=2e-6)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 5), st.sampled_from([0.1, 3.0, 50.0]), st.floats(0, 0.9)
)
def test_any_case_equals_enumeration(run: Run, seed: int, batch: int, length: int, spread: float, cut: float) -> None:
    case = make_case(seed, 3, batch, length, spread, cut)
    losses, gradients = run(case)
    assert (losses >= 0).all()
    assert_same((losses, gradients), brute_force(case), 2e-3 if cut else 1e-4)
    np.testing.assert_allclose(gradients[0].sum(-1), 0, atol=1e-4)  # a posterior and a one-hot both sum to one


def test_one_mask_of_integers_and_eager_mode_agree() -> None:
    case = make_case(2, 3)
    crf = LinearChainCrf(3)
    zero = case._replace(transitions=np.zeros((3, 3)), start=np.zeros(3), end=np.zeros(3))
    ms.set_context(mode=ms.PYNATIVE_MODE)
    try:
        losses = crf(ms.Tensor(case.emissions), ms.Tensor(case.tags), ms.Tensor(case.mask.astype(np.int32)))
    finally:
        ms.set_context(mode=ms.GRAPH_MODE)
    np.testing.assert_allclose(losses.asnumpy(), brute_force(zero)[0], rtol=1e-5)
    assert [p.name for p in crf.trainable_params()] == ["transitions", "start_transitions", "end_transitions"]


@pytest.mark.parametrize("seed", range(8))
def test_decoding_and_marginals_equal_enumeration(seed: int) -> None:
    case = make_case(seed, 2 + seed % 3, batch=6)
    tables = (case.emissions, case.mask, case.transitions, case.start, case.end)
    paths, scores = viterbi_decode(*tables)
    marginals = path_marginals(*tables, paths)
    for row in range(6):
        every, totals = enumerate_paths(case, row)
        np.testing.assert_array_equal(paths[row], every[totals.argmax()])
        assert scores[row] == pytest.approx(totals.max())
        hits = every == paths[row]  # (paths, steps)
        np.testing.assert_allclose(marginals[row], probabilities(totals) @ hits, rtol=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_a_forbidden_step_is_never_decoded(seed: int) -> None:
    case = make_case(seed, 4, spread=1e4)
    draw = np.random.default_rng(seed)
    permits = [draw.random(shape) < 0.6 for shape in ((4, 4), 4, 4)]
    permits[0][0, 0] = permits[1][0] = permits[2][0] = True
    allowed = Allowed(*permits)
    tables = (case.emissions, case.mask, case.transitions, case.start, case.end)
    paths, scores = viterbi_decode(*tables, allowed)
    marginals = path_marginals(*tables, paths, allowed)
    cut = case._replace(
        transitions=np.where(allowed.transitions, case.transitions, -np.inf),
        start=np.where(allowed.start, case.start, -np.inf),
        end=np.where(allowed.end, case.end, -np.inf),
    )
    for row, path in enumerate(paths):
        assert allowed.start[path[0]]
        assert allowed.end[path[-1]]
        assert allowed.transitions[path[:-1], path[1:]].all()
        every, totals = enumerate_paths(cut, row)
        assert scores[row] == pytest.approx(totals.max())
        np.testing.assert_allclose(marginals[row], probabilities(totals) @ (every == path), atol=1e-6)


def test_padding_changes_no_path() -> None:
    case = make_case(1, 4, length=9)
    tables = (case.transitions, case.start, case.end)
    padded = np.pad(case.emissions, ((0, 0), (0, 6), (0, 0)), constant_values=np.nan)
    paths, scores = viterbi_decode(case.emissions, case.mask, *tables)
    longer, same = viterbi_decode(padded, np.pad(case.mask, ((0, 0), (0, 6))), *tables)
    np.testing.assert_array_equal(scores, same)
    for old, new in zip(paths, longer, strict=True):
        np.testing.assert_array_equal(old, new)


def test_what_cannot_be_decoded_is_an_error() -> None:
    case = make_case(1, 3, batch=2)
    tables = (case.transitions, case.start, case.end)
    nothing = Allowed(np.zeros((3, 3), np.bool_), np.ones(3, np.bool_), np.ones(3, np.bool_))
    with pytest.raises(ValueError, match="No path through sequence 0"):
        viterbi_decode(case.emissions, case.mask, *tables, nothing)
    for broken in ([[1, 0, 1, 0, 0]], [[0, 0, 0, 0, 0]]):
        with pytest.raises(ValueError, match="mask of sequence 1"):
            viterbi_decode(case.emissions, np.array([[1, 1, 1, 1, 1], *broken]), *tables)
