"""The loop's records, what it gives the stepper, and that stopping and going on changes no bit."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar, cast

import numpy as np
import pytest
from mindspore import Parameter, ParameterTuple, Tensor, nn, ops
from numpy.typing import NDArray

from bert_core.bert.config import BertOptions
from bert_core.bert.encoder import BertModel
from bert_core.initial import truncated_normal
from bert_core.protocols import Task
from bert_core.text.batches import EpochOrder
from bert_core.training.loop import Course, train_steps
from bert_core.training.loss_scale import LossScale
from bert_core.training.network import Network, Objective, parameters_of
from bert_core.training.not_finite import NotFiniteError
from bert_core.training.progress import Progress
from bert_core.training.step import Outcome, Stepper
from bert_core.types import EncoderParts, Feature, Noise, Window

Array = NDArray[Any]

LENGTHS = [3, 9, 5, 2, 7, 4, 8, 6, 3]
OPTIONS = BertOptions(
    vocab_size=64,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=48,
    max_position_embeddings=16,
    initializer_range=0.3,
    hidden_dropout_prob=0.2,
    attention_probs_dropout_prob=0.2,
)


class Head(nn.Cell):
    """Three scores a piece."""

    def __init__(self, width: int, seed: int) -> None:
        super().__init__()
        self.weight = Parameter(Tensor(truncated_normal("head", (3, width), deviation=0.3, seed=seed)), name="weight")

    def construct(self, vectors: Any) -> Any:
        return ops.matmul(vectors, self.weight.T)


class Loss(nn.Cell):
    """The mean cross entropy of the pieces that have a label."""

    def construct(self, logits: Any, totals: Any, labels: Any) -> Any:
        chosen = ops.one_hot(labels, 3, Tensor(1.0), Tensor(0.0))  # padding, -1, is a row of zeros
        return -(ops.log_softmax(logits, -1) * chosen).sum() / totals[0]


class Tagging:
    """As much of a task as training needs."""

    features: ClassVar = {"labels": Feature(padding=-1)}
    head_inputs = ()
    loss_inputs = ("labels",)
    reads = "sequence"
    head_dropout = 0.2

    def head(self, hidden_size: int, seed: int) -> nn.Cell:
        return Head(hidden_size, seed)

    def loss(self, seed: int) -> nn.Cell:
        return Loss()

    def loss_terms(self, batch: Any) -> Array:
        return np.array([(batch["labels"] >= 0).sum()], np.float32)


class Momentum(nn.Cell):
    """Gradient descent with a velocity, the state that a resumed run needs."""

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        super().__init__()
        self.parameters = ParameterTuple(parameters)
        self.velocity = self.parameters.clone("velocity", "zeros")

    def construct(self, gradients: Any, rate: Any, number: Any) -> Any:
        done = number
        for index in range(len(self.parameters)):
            velocity = self.velocity[index] * 0.9 + gradients[index]
            done = ops.depend(done, ops.assign(self.velocity[index], velocity))
            done = ops.depend(done, ops.assign(self.parameters[index], self.parameters[index] - rate * velocity))
        return done


TASK = cast(Task, Tagging())


def windows() -> list[Window]:
    generator = np.random.default_rng(1)
    return [
        Window(
            example=index,
            input_ids=[*generator.integers(1, 64, length)],
            token_type_ids=[0] * length,
            features={"labels": [-1, *generator.integers(0, 3, length - 1)]},
        )
        for index, length in enumerate(LENGTHS)
    ]


def noise(batch: int, length: int) -> tuple[int, ...]:
    return (batch, length)


def course(**changes: Any) -> Course:
    given = Course(
        windows=windows(),
        order=EpochOrder(LENGTHS, 4, 0),
        total_steps=7,
        learning_rate=0.05,
        schedule=lambda step: 1 / (step + 1),
        accumulate=1,
        noises=[Noise(shape=noise, rate=0.5)],
        pad_id=0,
        seed=3,
    )
    return replace(given, **changes)


def result(loss: float = 1.0, norm: float = 2.0, *, applied: bool = True) -> Outcome:
    return Outcome(loss=loss, norm=norm, norms=np.array([norm, 0.0], np.float32), applied=applied)


class Recorder:
    """A stepper that keeps what it is given."""

    names = ("head.weight", "bert.weight")

    def __init__(self) -> None:
        self.result = result()
        self.scales: list[float] = []
        self.calls: list[tuple[list[list[Array]], float, int]] = []

    def __call__(
        self,
        batches: Sequence[Sequence[Any]],
        *,
        rate: float,
        number: int,
        scale: float,
        told: Sequence[float],
    ) -> Outcome:
        self.scales.append(scale)
        self.calls.append(([[item.asnumpy() for item in batch] for batch in batches], rate, number))
        return self.result


def recorded(given: Course, done: int = 0) -> tuple[Recorder, list[Any]]:
    recorder = Recorder()
    return recorder, list(train_steps(cast(Stepper, recorder), TASK, given, Progress(step=done, updates=done)))


def same(first: Recorder, second: Recorder) -> bool:
    return repr_of(first) == repr_of(second)


def repr_of(recorder: Recorder) -> list[Any]:
    return [
        ([[(a.shape, a.tobytes()) for a in batch] for batch in batches], rate, number)
        for batches, rate, number in recorder.calls
    ]


class TestRecords:
    def test_each_update_is_told(self) -> None:
        recorder, records = recorded(course())
        order = EpochOrder(LENGTHS, 4, 0)
        assert [record.step for record in records] == [1, 2, 3, 4, 5, 6, 7]
        assert [record.epoch for record in records] == [step / 3 for step in range(1, 8)]
        assert [record.learning_rate for record in records] == [0.05 * (1 / step) for step in range(1, 8)]
        assert [record.tokens for record in records] == [sum(LENGTHS[i] for i in order.at(step)) for step in range(7)]
        assert {(record.loss, record.grad_norm) for record in records} == {(1.0, 2.0)}
        assert all(record.seconds > 0 for record in records)
        assert [(rate, number) for _, rate, number in recorder.calls] == [(0.05 * (1 / n), n) for n in range(1, 8)]

    def test_an_update_is_made_when_it_is_asked_for(self) -> None:
        recorder = Recorder()
        steps = train_steps(cast(Stepper, recorder), TASK, course(), Progress())
        assert recorder.calls == []
        next(steps)
        assert len(recorder.calls) == 1

    @pytest.mark.parametrize(("loss", "norm"), [(math.nan, 1.0), (math.inf, 1.0), (1.0, math.nan), (1.0, math.inf)])
    def test_numbers_that_are_not_finite_stop_it_with_the_step(self, loss: float, norm: float) -> None:
        recorder = Recorder()
        steps = train_steps(cast(Stepper, recorder), TASK, course(), Progress(step=2, updates=2))
        next(steps)
        recorder.result = result(loss, norm)
        with pytest.raises(NotFiniteError, match=r"^step 4: .*learning rate 1\.25e-02") as caught:
            next(steps)
        assert caught.value.exit_code == 7
        assert next(steps, None) is None
        assert len(recorder.calls) == 2

    def test_the_report_names_the_batch_and_the_tensors_from_the_loss_back(self) -> None:
        recorder = Recorder()
        recorder.result = result(math.nan, math.nan)
        given = course()
        with pytest.raises(NotFiniteError, match=r"of 2 tensors 1 have .* back head\.weight\.") as caught:
            next(train_steps(cast(Stepper, recorder), TASK, given, Progress(step=1, updates=1)))
        assert caught.value.report["examples"] == given.order.at(1).tolist()
        assert caught.value.report["gradients"] == {"head.weight": "nan", "bert.weight": 0.0}
        assert json.loads(json.dumps(caught.value.report, allow_nan=False))["loss"] == "nan"


class TestLossScale:
    def scale(self) -> LossScale:
        return LossScale(value=64.0, factor=2.0, window=3)

    def test_a_step_that_overflows_lowers_the_scale_and_is_counted_by_nothing_else(self) -> None:
        recorder, progress, records = Recorder(), Progress(scale=self.scale()), []
        outcomes = [result(), result(norm=math.inf, applied=False), *[result()] * 5]
        steps = train_steps(cast(Stepper, recorder), TASK, course(overflows=3), progress)
        for recorder.result in outcomes:
            records.append(next(steps))
        assert [record.skipped for record in records] == [False, True, *[False] * 5]
        assert [record.step for record in records] == [1, 2, 3, 4, 5, 6, 7]
        assert [number for _, _, number in recorder.calls] == [1, 2, 2, 3, 4, 5, 6]
        assert [rate for _, rate, _ in recorder.calls] == [0.05 * (1 / n) for n in (1, 2, 2, 3, 4, 5, 6)]
        assert recorder.scales == [record.loss_scale for record in records] == [64, 64, 32, 32, 32, 64, 64]
        assert (progress.step, progress.updates) == (7, 6)

    def test_too_many_overflows_in_a_row_end_the_run(self) -> None:
        recorder, progress = Recorder(), Progress(scale=self.scale())
        recorder.result = result(norm=math.inf, applied=False)
        steps = train_steps(cast(Stepper, recorder), TASK, course(overflows=3), progress)
        assert [next(steps).loss_scale for _ in range(2)] == [64, 32]
        with pytest.raises(NotFiniteError, match=r"step 3: .* in 3 steps in a row, .* loss scale 16 .* head\.weight"):
            next(steps)

    def test_one_update_between_them_begins_the_count_anew(self) -> None:
        recorder, progress = Recorder(), Progress(scale=self.scale())
        bad, good = result(norm=math.inf, applied=False), result()
        steps = train_steps(cast(Stepper, recorder), TASK, course(overflows=3), progress)
        for recorder.result in (bad, bad, good, bad, bad, good, bad):
            next(steps)
        assert progress.scale is not None
        assert progress.scale.overflows == 1

    def test_it_goes_on_where_it_stopped(self) -> None:
        bad, good = result(norm=math.inf, applied=False), result()
        outcomes = [bad, good, good, bad, good, good, good]
        seen = []
        for stop in (7, 4):
            recorder, progress = Recorder(), Progress(scale=self.scale())
            steps = train_steps(cast(Stepper, recorder), TASK, course(overflows=3), progress)
            for recorder.result in outcomes[:stop]:
                next(steps)
            again = Progress(scale=LossScale(value=1.0, factor=2.0, window=3))
            again.restore(json.loads(json.dumps(progress.state())))
            steps = train_steps(cast(Stepper, recorder), TASK, course(overflows=3), again)
            for recorder.result in outcomes[stop:]:
                next(steps)
            seen.append((recorder.scales, [call[1:] for call in recorder.calls], again.state()))
        assert seen[0] == seen[1]

    def test_the_updates_of_another_run_count_for_the_optimizer_alone(self) -> None:
        recorder = Recorder()
        list(train_steps(cast(Stepper, recorder), TASK, course(), Progress(carried=100)))
        assert [number for _, _, number in recorder.calls] == [101, 102, 103, 104, 105, 106, 107]
        assert recorder.calls[0][1] == 0.05


class TestBatches:
    def test_they_are_a_pure_function_of_the_course(self) -> None:
        assert same(recorded(course())[0], recorded(course())[0])

    def test_an_epoch_holds_every_window_once(self) -> None:
        recorder, _ = recorded(course())
        seen = sorted(tuple(row[row > 0]) for (batch,), _, _ in recorder.calls[:3] for row in batch[1])
        assert seen == sorted(tuple(window.input_ids) for window in windows())
        again = sorted(tuple(row[row > 0]) for (batch,), _, _ in recorder.calls[3:6] for row in batch[1])
        assert again == seen

    def test_the_seed_of_dropout_changes_the_factors_alone(self) -> None:
        for one, other in zip(recorded(course())[0].calls, recorded(course(seed=4))[0].calls, strict=True):
            (first,), (second,) = one[0], other[0]
            assert all((a == b).all() for a, b in zip(first[:-1], second[:-1], strict=True))
            assert (first[-1] != second[-1]).any()

    def test_each_update_has_other_factors(self) -> None:
        recorder, _ = recorded(course(order=EpochOrder([4] * 9, 9, 0), windows=[windows()[5]] * 9))
        drawn = {batches[0][-1].tobytes() for batches, _, _ in recorder.calls}
        assert len(drawn) == 7

    def test_it_goes_on_where_it_stopped_with_the_same_batches(self) -> None:
        whole, records = recorded(course())
        for done in (0, 1, 3, 6, 7):
            rest, others = recorded(course(), done=done)
            assert repr_of(rest) == repr_of(whole)[done:]
            assert [record.step for record in others] == [record.step for record in records[done:]]

    def test_micro_batches_are_parts_of_the_same_rows_and_know_the_totals_of_all(self) -> None:
        whole, _ = recorded(course())
        parts, records = recorded(course(accumulate=3))
        for (one,), (several,) in zip([call[:1] for call in whole.calls], [c[:1] for c in parts.calls], strict=True):
            rows = [len(part[1]) for part in several]
            assert sum(rows) == len(one[0][1])
            assert max(rows) - min(rows) <= 1
            assert all((part[0] == one[0][0]).all() for part in several)
            ids = [tuple(row[row > 0]) for part in several for row in part[1]]
            assert ids == [tuple(row[row > 0]) for row in one[0][1]]
        assert {len(batches) for batches, _, _ in parts.calls} == {1, 3}  # the last batch of an epoch has one row
        assert [r.tokens for r in records] == [r.tokens for r in recorded(course())[1]]

    def test_micro_batches_have_other_factors(self) -> None:
        alike = course(accumulate=2, order=EpochOrder([4] * 8, 8, 0), windows=[windows()[5]] * 8)
        (first, second), _, _ = recorded(alike)[0].calls[0]
        assert (first[1] == second[1]).all()
        assert (first[-1] != second[-1]).any()


class Rig:
    """A network whose compiled step serves several runs: `fresh` sets everything to the beginning."""

    def __init__(self) -> None:
        encoder = BertModel(OPTIONS, EncoderParts(operators={}, pooler=False, seed=0))
        objective = Objective(Network(encoder, TASK, 0), TASK, 0)
        self.noises = objective.network.noises
        parameters = parameters_of(objective)
        optimizer = Momentum(list(parameters.values()))
        self.stepper = Stepper(objective, list(parameters.values()), optimizer, clip_norm=1.0, accumulate=1)
        self.state = {**parameters, **{p.name: p for p in optimizer.velocity}}
        self.first = self.values()

    def values(self) -> dict[str, Array]:
        return {name: parameter.asnumpy().copy() for name, parameter in self.state.items()}

    def set(self, values: dict[str, Array]) -> None:
        for name, parameter in self.state.items():
            parameter.set_data(Tensor(values[name]))

    def train(self, given: Course, *, done: int = 0) -> Iterator[Any]:
        return train_steps(self.stepper, TASK, given, Progress(step=done, updates=done))


@pytest.fixture(scope="module")
def rig() -> Rig:
    return Rig()


@pytest.fixture(scope="module")
def straight(rig: Rig) -> tuple[list[Any], dict[str, Array]]:
    """The records and the end of seven updates in a row."""
    rig.set(rig.first)
    return list(rig.train(course(noises=rig.noises))), rig.values()


class TestResume:
    def test_every_parameter_moves(self, rig: Rig, straight: tuple[list[Any], dict[str, Array]]) -> None:
        for name, value in straight[1].items():
            assert (value != rig.first[name]).any() or name.endswith("key.bias"), name

    @pytest.mark.parametrize("stop", [1, 3, 6])
    def test_three_and_four_updates_are_seven_to_the_last_bit(
        self, rig: Rig, straight: tuple[list[Any], dict[str, Array]], stop: int
    ) -> None:
        records, end = straight
        rig.set(rig.first)
        steps = rig.train(course(noises=rig.noises))
        first = [next(steps) for _ in range(stop)]
        kept = rig.values()
        rig.set({name: np.full_like(value, 9) for name, value in kept.items()})
        rig.set(kept)
        rest = list(rig.train(course(noises=rig.noises), done=stop))
        told = [(r.step, r.loss, r.grad_norm, r.learning_rate, r.tokens) for r in [*first, *rest]]
        assert told == [(r.step, r.loss, r.grad_norm, r.learning_rate, r.tokens) for r in records]
        for name, value in rig.values().items():
            np.testing.assert_array_equal(value, end[name], err_msg=name)

    def test_another_seed_of_dropout_makes_another_run(
        self, rig: Rig, straight: tuple[list[Any], dict[str, Array]]
    ) -> None:
        rig.set(rig.first)
        record = next(rig.train(course(noises=rig.noises, seed=4)))
        assert record.loss != straight[0][0].loss

    def test_all_lengths_go_through_one_compilation(
        self, rig: Rig, straight: tuple[list[Any], dict[str, Array]]
    ) -> None:
        assert len(rig.stepper._whole.compile_cache) == 1  # type: ignore[union-attr]
