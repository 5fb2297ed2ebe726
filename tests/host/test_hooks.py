"""Every hook is documented with an example that works, has a test, and reaches the plugins that implement it."""

from __future__ import annotations

import inspect
import re
import sys
import typing
from pathlib import Path

import click
import numpy as np
import pytest

from bert_core import RunView, StepRecord, hookspecs, protocols, types
from bert_core.errors import PluginError, UsageError
from bert_core.manager import COMMANDS, REGISTRATION, PluginManager
from bert_core.observers import Observers, trackers
from bert_core.options import NoOptions
from bert_core.read_only import read_only

ROOT = Path(__file__).parent.parent.parent
HOOKS = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("bertrun_")}
RUN = RunView(folder=Path("runs/echo"), tables={"run": {"epochs": 1}}, total_steps=2)
STEP = StepRecord(
    step=1, epoch=0.5, loss=0.25, learning_rate=1e-5, grad_norm=1.0, tokens=12, seconds=0.1, skipped=False
)


def example(name):
    found = re.search(r"```python\n(.*?)```", inspect.getdoc(HOOKS[name]), re.DOTALL)
    assert found is not None
    return inspect.cleandoc("\n" + found[1])


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_documented_with_an_example_of_itself_that_compiles(name):
    code = example(name)
    compile(code, name, "exec")
    given = re.search(rf"@hookimpl\ndef {name}\((.*?)\):", code)
    assert given is not None
    assert given[1] == ", ".join(inspect.signature(HOOKS[name]).parameters)


@pytest.mark.parametrize("name", [*REGISTRATION, COMMANDS])
def test_what_an_example_registers_takes_the_arguments_that_the_host_gives(name):
    code = example(name)
    given = {**vars(types), "hookimpl": hookspecs.hookimpl, "click": click, "__file__": __file__}
    given |= dict.fromkeys(re.findall(r"\w+Options\b", code), NoOptions)
    exec(code, given)
    (made,) = given[name]()
    if name == COMMANDS:
        assert isinstance(made, click.Command)
        return
    assert type(made) is REGISTRATION[name]
    hints = typing.get_type_hints(type(made), localns={**vars(protocols), "Parameter": None, "NDArray": list})
    called = {field: calls(hint) for field, hint in hints.items() if calls(hint) is not None}
    assert {"build", "folder"} & set(called)
    for field, count in called.items():
        assert len(inspect.signature(getattr(made, field)).parameters) == count, field


def calls(hint):
    """How many arguments a callable of this type takes; None for other types."""
    hint = next((part for part in typing.get_args(hint) if part is not type(None)), hint) if is_optional(hint) else hint
    arguments = typing.get_args(hint)
    return len(arguments[0]) if arguments and isinstance(arguments[0], list) else None


def is_optional(hint):
    return type(None) in typing.get_args(hint)


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_marked_and_typed(name):
    assert getattr(HOOKS[name], f"{hookspecs.PROJECT}_spec", None) is not None
    signature = inspect.signature(HOOKS[name])
    assert signature.return_annotation is not inspect.Signature.empty
    assert all(one.annotation is not inspect.Parameter.empty for one in signature.parameters.values())


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_occurs_in_a_test(name):
    tests = [*ROOT.glob("tests/**/test_*.py"), *ROOT.glob("plugins/*/tests/**/test_*.py")]
    assert any(re.search(rf"\b{name}\b", path.read_text(encoding="utf-8")) for path in tests)


# One line for each hook that registers: what the plugin `every` yields through it.
YIELDED = {
    "bertrun_register_models": ("model", "every-model"),
    "bertrun_register_tasks": ("task", "every-task"),
    "bertrun_register_metrics": ("metric", "every-metric"),
    "bertrun_register_optimizers": ("optimizer", "every-optimizer"),
    "bertrun_register_schedules": ("schedule", "every-schedule"),
    "bertrun_register_devices": ("device", "every-device"),
    "bertrun_register_weights": ("weights", "every-weights"),
    "bertrun_register_trackers": ("tracker", "every-tracker"),
    "bertrun_register_commands": ("command", "every-command"),
}


@pytest.fixture
def manager(install):
    install("every")
    return PluginManager()


@pytest.mark.parametrize("hook", YIELDED)
def test_what_a_hook_yields_is_collected(manager, hook):
    kind, name = YIELDED[hook]
    assert (kind, name) in manager.records[-1].provides
    if hook == COMMANDS:
        assert manager.command(name).name == name
    else:
        assert isinstance(manager.specs(kind)[name], REGISTRATION[hook])
        assert manager.owner(kind, name).distribution == "bertrun-every"


def test_every_registration_hook_is_collected():
    assert set(YIELDED) == {name for name in HOOKS if name.startswith("bertrun_register_")}
    assert set(YIELDED) == {*REGISTRATION, COMMANDS}


# One line for each hook that observes: what it is called with, and what the plugin `every` remembers of it.
CALLED = {
    "bertrun_on_run_begin": ({"run": RUN}, ("begin", RUN)),
    "bertrun_on_step_end": ({"run": RUN, "step": STEP}, ("step", RUN, STEP)),
    "bertrun_on_eval_end": (
        {"run": RUN, "scores": {"f1": 0.5}, "at_step": 2, "final": True},
        ("eval", {"f1": 0.5}),
    ),
    "bertrun_on_checkpoint": ({"run": RUN, "path": Path("step-1")}, ("checkpoint", RUN, Path("step-1"))),
    "bertrun_on_run_end": ({"run": RUN, "outcome": "done"}, ("end", RUN, "done")),
}


@pytest.mark.parametrize("hook", CALLED)
def test_an_observer_is_called_with_the_arguments_that_it_names(manager, hook):
    arguments, remembered = CALLED[hook]
    assert list(arguments) == list(inspect.signature(HOOKS[hook]).parameters)
    Observers(manager.hook, print).tell(hook, arguments)
    assert [remembered] == sys.modules["fake_every"].SEEN


def test_every_observing_hook_is_called_here():
    assert set(CALLED) == {name for name in HOOKS if name.startswith("bertrun_on_")}


def test_a_failed_plugin_observes_nothing(install):
    install("argument", "default", "every")
    manager = PluginManager()
    Observers(manager.hook, print).tell("bertrun_on_step_end", {"run": RUN, "step": STEP})
    assert sys.modules["fake_every"].SEEN == [("step", RUN, STEP)]


def test_an_observer_that_raises_is_said_once_and_the_others_still_see(install):
    install("crashing", "every")
    said = []
    observers = Observers(PluginManager().hook, said.append)
    for _ in range(3):
        observers.tell("bertrun_on_step_end", {"run": RUN, "step": STEP})
    assert sys.modules["fake_every"].SEEN == [("step", RUN, STEP)] * 3
    assert said == [
        "plugin bertrun-crashing:crashing failed in bertrun_on_step_end and is told no more of this run: "
        "ConnectionError: no route to the tracker"
    ]


def test_a_tracker_sees_where_it_is_asked_for_and_only_there(manager):
    seen = sys.modules["fake_every"].SEEN
    Observers(None, print).tell("bertrun_on_step_end", {"run": RUN, "step": STEP})
    assert seen == []
    tracking = trackers(manager, ["Every_Tracker"])
    assert list(tracking) == ["bertrun-every:every-tracker"]
    Observers(None, print, tracking).tell("bertrun_on_step_end", {"run": RUN, "step": STEP})
    Observers(None, print, tracking).tell("bertrun_on_run_end", {"run": RUN, "outcome": "done"})
    assert seen == [("tracked", STEP)]


class Method:
    def __init__(self, name, decorated=True):
        def body(self):
            pass

        setattr(type(self), name, hookspecs.hookimpl(body) if decorated else body)


@pytest.mark.parametrize(
    ("build", "what"),
    [
        (lambda options: object(), "the hooks of a tracker begin with bertrun_on_, and object has: none"),
        (lambda options: type("A", (Method,), {})("bertrun_register_tasks"), "and A has: bertrun_register_tasks"),
        (lambda options: type("B", (Method,), {})("bertrun_on_run_end", decorated=False), "is not decorated"),
        (lambda options: type("C", (Method,), {})("bertrun_on_stop"), "unknown hook bertrun_on_stop"),
        (lambda options: 1 / 0, "the tracker 'every-tracker' of bertrun-every 0.3 failed: ZeroDivisionError"),
    ],
)
def test_what_is_no_tracker_is_refused_before_a_run(manager, monkeypatch, build, what):
    monkeypatch.setattr(
        type(manager), "get", lambda self, kind, name: types.TrackerSpec(name=name, summary="A tracker.", build=build)
    )
    with pytest.raises(PluginError, match=what):
        trackers(manager, ["every-tracker"])


def test_a_tracker_that_lacks_something_says_so_itself(manager, monkeypatch):
    def build(options):
        raise UsageError("the package 'pen' is not installed", hint="pip install pen")

    spec = types.TrackerSpec(name="every-tracker", summary="A tracker.", build=build)
    monkeypatch.setattr(type(manager), "get", lambda self, kind, name: spec)
    with pytest.raises(UsageError, match="pip install pen"):
        trackers(manager, ["every-tracker"])


def test_an_observer_that_leaves_python_does_not_end_a_run(manager):
    said = []
    observers = Observers(None, said.append, {"made": {"bertrun_on_run_end": sys.exit}})
    observers._implementations = lambda hook: [("made", sys.exit, ())]
    observers.tell("bertrun_on_run_end", {})
    assert len(said) == 1


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    ("steps", "each", "named"),
    [(10, 0.2, True), (10, 0.09, False), (100, 0.04, False), (10, 0.101, True)],  # share of the run; seconds in all
)
def test_an_observer_that_takes_much_of_a_run_is_named_at_its_end(monkeypatch, steps, each, named):
    clock = Clock()
    monkeypatch.setattr("bert_core.observers.time.perf_counter", clock)

    def look(step):
        clock.now += each

    observers = Observers(None, print, {"bertrun-slow:slow": {"bertrun_on_step_end": look}})
    for _ in range(steps):
        clock.now += 1.0
        observers.tell("bertrun_on_step_end", {"step": STEP})
    assert observers.seconds["bertrun-slow:slow"] == pytest.approx(steps * each)
    whole = steps * (1 + each)
    sentence = f"plugin bertrun-slow:slow took {steps * each:.1f} s to look on, {each / (1 + each):.0%} of the run's"
    assert list(observers.slow()) == ([f"{sentence} {whole:.1f} s"] if named else [])


def test_observers_get_what_they_cannot_write_to():
    got = read_only({"task": {"names": ["a", {"b": 1}], "array": np.zeros(2)}, "score": np.float64(0.5)})
    assert got == {"task": {"names": ("a", {"b": 1}), "array": got["task"]["array"]}, "score": 0.5}
    for write in (
        lambda: got.update(),
        lambda: got.__setitem__("task", 1),
        lambda: got["task"].__setitem__("names", 1),
        lambda: got["task"]["names"].append(1),
        lambda: got["task"]["names"][1].__setitem__("b", 2),
        lambda: got["task"]["array"].fill(1),
        lambda: setattr(RUN, "total_steps", 3),
        lambda: setattr(STEP, "loss", 0.0),
    ):
        with pytest.raises((AttributeError, TypeError, ValueError)):
            write()


def test_the_array_of_an_observer_is_not_that_of_the_run():
    array = np.zeros(2)
    assert read_only([array])[0] is not array
    array.fill(1)
