"""What every optimizer keeps, as tests that a plugin's own test module subclasses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from bert_core.options import Layer, options_of, resolve
from bert_core.protocols import ClippingOptimizer, NotingOptimizer
from bert_core.types import OptimizerSpec, ParameterGroup

from .bench import graph_mode
from .specs import SpecContract

Arrays = list[NDArray[np.float32]]
Group = tuple[float, float]  # decay and multiple of the rate

_SHAPES = ((3, 4), (5,))
_DECAY = 0.1


class Rig:
    """An optimizer over a matrix and a vector in each of some groups, all groups with the same first values.

    Args:
        spec: The optimizer.
        values: Its options.
        groups: The decay and the rate of each.
        begun: First values, in order; by default drawn.

    Attributes:
        state: What it keeps beside the parameters that it updates, by name, as a run finds it.
    """

    def __init__(self, spec: OptimizerSpec, values: Any, groups: Sequence[Group], begun: Arrays | None = None) -> None:
        graph_mode()
        from mindspore import Parameter, Tensor

        from .cells import Updated

        random = np.random.default_rng(0)
        drawn = [random.normal(size=shape).astype(np.float32) for shape in _SHAPES]
        begun = [*drawn * len(groups)] if begun is None else begun
        self.parameters = [
            Parameter(Tensor(value.copy()), name=f"group{place // 2}.{('matrix', 'vector')[place % 2]}")
            for place, value in enumerate(begun)
        ]
        self.names = [parameter.name for parameter in self.parameters]
        self.optimizer: Any = spec.build(
            values,
            [
                ParameterGroup(parameters=self.parameters[2 * n : 2 * n + 2], weight_decay=decay, rate=rate)
                for n, (decay, rate) in enumerate(groups)
            ],
            {},
        )
        cell: Any = self.optimizer
        kept = {parameter.name: parameter for parameter in cell.get_parameters()}  # a cell around it changes names
        self.state = {name: parameter for name, parameter in kept.items() if name not in self.names}
        self._updated = Updated(self.optimizer)
        self.begun = self.now()

    def now(self) -> Arrays:
        """The values of the parameters."""
        return [parameter.asnumpy().copy() for parameter in self.parameters]

    def step(self, gradients: Arrays, *, rate: float = 1e-2, number: int = 1) -> Rig:
        """Make an update."""
        self._updated(_tensor(rate), _tensor(number), *map(_tensor, gradients))
        return self

    def moved(self) -> Arrays:
        """How far each value went since the start."""
        return [after - before for after, before in zip(self.now(), self.begun, strict=True)]


class OptimizerContract(SpecContract):
    """The tests that every optimizer passes: a run drops no group, no schedule and no state.

    Example:
        ```python
        class TestLion(OptimizerContract):
            name = "lion"
        ```
    """

    kind: ClassVar[str] = "optimizer"

    @pytest.fixture(scope="class")
    @classmethod
    def rig(cls, spec: OptimizerSpec, values: Any) -> Callable[..., Rig]:
        """`rig((decay, rate), (decay, rate), begun=...)`: an optimizer over groups."""

        def rig(*groups: Group, begun: Arrays | None = None) -> Rig:
            return Rig(spec, values, groups, begun)

        return rig

    @pytest.fixture(scope="class")
    @classmethod
    def grouped(cls, rig: Callable[..., Rig]) -> Rig:
        """Four groups after one update by the same gradients: plain, frozen, of half the rate, and decayed."""
        made = rig((0.0, 1.0), (0.0, 0.0), (0.0, 0.5), (_DECAY, 1.0))
        return made.step(gradients() * 4)

    def test_every_parameter_moves_against_its_gradient(self, grouped: Rig) -> None:
        """One update lowers what the gradients are of."""
        for moved, gradient, name in zip(grouped.moved(), gradients(), grouped.names[:2], strict=False):
            assert np.any(moved), f"{name} did not move"
            assert np.sum(moved * gradient) < 0, f"{name} went along with its gradient, not against it"

    def test_a_group_of_rate_0_does_not_move(self, grouped: Rig) -> None:
        """What a user freezes stays as it is, to the byte."""
        still = grouped.moved()[2:4]
        assert not any(map(np.any, still)), "parameters of a group with `rate` 0 moved; multiply the rate of each step"

    def test_a_group_goes_by_its_own_rate(self, grouped: Rig) -> None:
        """With half the rate the first update goes half as far."""
        moved = grouped.moved()
        for plain, half in zip(moved[:2], moved[4:6], strict=True):
            what = f"with `rate` 0.5 values went by {half.ravel()[:3]}..., and with 1 by {plain.ravel()[:3]}..."
            assert np.allclose(half, plain / 2, rtol=1e-2, atol=1e-7), what

    def test_what_decays_is_what_is_told(self, grouped: Rig, rig: Callable[..., Rig]) -> None:
        """A group with `weight_decay` shrinks, others do not."""
        moved = grouped.moved()
        values = grouped.begun
        further = [np.sum((moved[6 + n] - moved[n]) * values[n]) for n in range(2)]
        assert all(one < 0 for one in further), f"weight_decay {_DECAY} of a group does not shrink its parameters"
        still = rig((0.0, 1.0)).step([np.zeros(shape, np.float32) for shape in _SHAPES]).moved()
        assert not any(map(np.any, still)), "parameters without decay and without a gradient moved"

    def test_gradients_go_in_the_order_of_the_groups(self, rig: Callable[..., Rig]) -> None:
        """Each parameter is updated by its own gradient."""
        made = rig((0.0, 1.0), (0.0, 1.0))
        given = [np.zeros(shape, np.float32) for shape in _SHAPES * 2]
        given[2] = gradients()[0]
        moved = [bool(np.any(one)) for one in made.step(given).moved()]
        assert moved == [False, False, True, False], f"of 4 gradients the third was not 0, and these moved: {moved}"

    def test_the_rate_of_each_step_counts(self, rig: Callable[..., Rig]) -> None:
        """Any schedule works: a rate of 0 moves nothing, and a greater one goes further."""
        made = rig((_DECAY, 1.0)).step(gradients(), rate=0.0)
        assert not any(map(np.any, made.moved())), "a step with the learning rate 0 moved parameters"
        near, far = (rig((0.0, 1.0)).step(gradients(), rate=rate).moved() for rate in (1e-3, 2e-3))
        for one, other in zip(near, far, strict=True):
            assert np.allclose(2 * one, other, rtol=1e-2, atol=1e-6), "twice the rate does not go twice as far at first"

    def test_one_graph_serves_every_step(self, rig: Callable[..., Rig]) -> None:
        """Rate and number are tensors that change from step to step: none may be kept from the first."""
        made = rig((0.0, 1.0)).step(gradients(), rate=0.0, number=1)
        made.step(gradients(), rate=1e-2, number=2)
        assert all(map(np.any, made.moved())), "after a step of rate 0 parameters stay; is the first rate kept?"

    def test_restored_it_goes_on_to_the_byte(self, rig: Callable[..., Rig]) -> None:
        """All that it remembers is in its parameters: a new one that gets them makes the same steps."""
        groups = ((0.0, 1.0), (_DECAY, 0.5))
        first = rig(*groups)
        for number in (1, 2, 3):
            first.step(gradients(number) * 2, number=number)
        stored = {name: value.asnumpy().copy() for name, value in first.state.items()}
        second = rig(*groups, begun=first.now())
        assert set(second.state) == set(stored), "a new optimizer has state of other names"
        from mindspore import Tensor

        for name, parameter in second.state.items():
            parameter.set_data(Tensor(stored[name]))
        for number in (4, 5):
            for one in (first, second):
                one.step(gradients(number) * 2, number=number)
        kept = "keep each moment as a `Parameter` of the cell with a name of its own"
        hint = f"{kept}, and count by the number of the step that is given"
        for name, before, after in zip(first.names, first.now(), second.now(), strict=True):
            assert before.tobytes() == after.tobytes(), f"{name} is another after the state was restored; {hint}"

    def test_it_lowers_a_loss(self, rig: Callable[..., Rig]) -> None:
        """Fifty steps along the gradients of half the squared length bring it down."""
        made = rig((0.0, 1.0))
        for number in range(1, 51):
            made.step(made.now(), number=number)
        before, after = (sum(float(np.sum(one**2)) for one in values) for values in (made.begun, made.now()))
        assert after < 0.95 * before, f"fifty steps took the squared length from {before:.4g} to {after:.4g}"

    def test_it_clips_where_it_says_so(self, rig: Callable[..., Rig]) -> None:
        """One with `lengths` and `clipped` measures as NumPy does, and steps by the gradients times the factor."""
        made = rig((_DECAY, 1.0), (0.0, 0.5))
        if not isinstance(made.optimizer, ClippingOptimizer):
            pytest.skip("the host clips gradients for this optimizer")
        from .cells import Clipped, Lengths

        given = gradients() * 2
        halves, norm = Lengths(made.optimizer)(*map(_tensor, given))
        squares = np.array([np.sum(np.float64(one) ** 2) for one in given])
        right = np.allclose(halves.asnumpy(), squares / 2, rtol=1e-4)
        right = right and np.isclose(norm.asnumpy(), np.sqrt(squares.sum()), rtol=1e-4)
        assert right, f"`lengths` gives {halves.asnumpy()} and {norm.asnumpy()}, not half of {squares} and their root"
        bad = [np.full_like(one, np.inf) for one in given]
        _, infinite = Lengths(made.optimizer)(*map(_tensor, bad))
        assert not np.isfinite(infinite.asnumpy()), "the norm of gradients that are infinite is finite"
        Clipped(made.optimizer)(_tensor(0.25), _tensor(1e-2), _tensor(1), *map(_tensor, given))
        other = rig((_DECAY, 1.0), (0.0, 0.5)).step([one * np.float32(0.25) for one in given])
        for name, one, two in zip(made.names, made.now(), other.now(), strict=True):
            assert np.allclose(one, two, rtol=1e-5, atol=1e-6), f"`clipped` by 0.25 takes {name} elsewhere than a step"

    def test_its_notes_are_sentences(self, grouped: Rig) -> None:
        """Where it decides something, a run says it: text, a line each."""
        notes = grouped.optimizer.notes if isinstance(grouped.optimizer, NotingOptimizer) else ()
        assert not isinstance(notes, str), "`notes` is one text; give a sequence of them"
        bad = [note for note in notes if not isinstance(note, str) or not note.strip() or "\n" in note]
        assert not bad, f"these notes are no lines of text: {bad}"

    def test_its_rates_and_presets_make_sense(self, spec: OptimizerSpec) -> None:
        """The least rate is above 0 and below the greatest, and each preset's values are options."""
        if spec.rates is not None:
            assert 0 < spec.rates[0] < spec.rates[1], f"`rates` is {spec.rates}: from the least to the greatest"
        check_presets(spec)


def check_presets(spec: Any) -> None:
    """See that the values of each preset are options of the spec."""
    known = {info.name for info in options_of(spec.options, spec.name)}
    for preset, values in spec.presets.items():
        strange = sorted(set(values) - known)
        assert not strange, f"the preset {preset} says {strange}, which are no options"
        resolve({spec.kind: spec.options}, [Layer(origin=preset, flat=dict(values))])


def gradients(number: int = 1) -> Arrays:
    """Gradients of a matrix and a vector; each number has its own."""
    random = np.random.default_rng(number)
    return [random.normal(size=shape).astype(np.float32) for shape in _SHAPES]


def _tensor(value: Any) -> Any:
    from mindspore import Tensor

    return Tensor(np.array(value, np.float32))
