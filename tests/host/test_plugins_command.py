"""`bertrun plugins`: what is installed, where it is from, and why it is used or is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

FAKES = Path(__file__).parents[1] / "plugins"


def test_a_plugin_is_listed_with_its_hooks_and_where_it_is_from(install, bertrun):
    install("good")
    out = bertrun("plugins").out
    assert "good  bertrun-good 1.2  loaded\n    metric: exact\n    task: echo\n    command: hello\n" in out
    assert "    hooks: register_commands, register_metrics, register_tasks\n" in out
    assert f"    from: {FAKES / 'good' / 'fake_good.py'}\n" in out


def test_the_same_stands_in_json(install, bertrun):
    install("good", "broken")
    listed = {one["name"]: one for one in json.loads(bertrun("plugins", "--json", "--no-plugin", "good").out)}
    assert listed["good"] == {
        "name": "good",
        "distribution": "bertrun-good",
        "version": "1.2",
        "state": "disabled",
        "reason": "blocked by --no-plugin or BERTRUN_DISABLED_PLUGINS",
        "provides": {},
        "hooks": [],
        "from": [str(FAKES / "good" / "fake_good.py")],
    }
    assert listed["broken"]["reason"] == "RuntimeError: no such luck"
    assert listed["builtin"]["hooks"] == ["bertrun_register_models", "bertrun_register_weights"]


@pytest.mark.parametrize("name", ["good", "bertrun-good", "Bertrun_Good"])
def test_why_tells_of_a_plugin_that_is_used(install, bertrun, name):
    install("good")
    assert bertrun("plugins", "why", name).out == (
        "The plugin 'good' of bertrun-good 1.2 is loaded: it is installed, nothing leaves it out, and what it requires "
        "of bertrun is met.\n"
        "It gives: metric exact; task echo; command hello.\n"
        f"It is found at {FAKES / 'good' / 'fake_good.py'}.\n"
    )


@pytest.mark.parametrize(("name", "kind"), [("echo", "task"), ("exact", "metric"), ("hello", "command")])
def test_why_tells_who_gives_something(install, bertrun, name, kind):
    install("good", "every")
    first, *rest = bertrun("plugins", "why", name).out.splitlines()
    assert first == f"The {kind} '{name}' is given by the plugin 'good' of bertrun-good 1.2."
    assert rest[0].startswith("The plugin 'good' of bertrun-good 1.2 is loaded")


def test_why_tells_who_gives_a_preset(install, bertrun):
    install("every")
    assert bertrun("plugins", "why", "every-tiny").out.startswith(
        "The preset of model every-model, 'every-tiny' is given by the plugin 'every' of bertrun-every 0.3."
    )


def test_why_names_both_of_two_that_give_the_same(install, bertrun):
    install("good", "twin")
    out = bertrun("plugins", "why", "echo").out
    for name, title in (("good", "bertrun-good 1.2"), ("twin", "bertrun-twin 2.0")):
        assert f"The task 'echo' is given by the plugin '{name}' of {title}.\n" in out
        assert f"--no-plugin bertrun-{name} leaves this one out.\n" in out


@pytest.mark.parametrize(
    ("plugin", "told", "more", "why"),
    [
        ("good", ("--no-plugin", "good"), {}, "disabled: blocked by --no-plugin or BERTRUN_DISABLED_PLUGINS."),
        ("good", (), {"BERTRUN_PLUGINS": "twin"}, "disabled: not on the allow-list BERTRUN_PLUGINS."),
        (
            "good",
            (),
            {"BERTRUN_PLUGINS": "good==1.1"},
            "disabled: the allow-list BERTRUN_PLUGINS has it in version 1.1",
        ),
        ("old", (), {}, "incompatible: it requires bertrun<0.1, and bertrun "),
        ("broken", (), {}, "failed: RuntimeError: no such luck."),
    ],
)
def test_why_tells_of_a_plugin_that_is_not_used(install, bertrun, monkeypatch, plugin, told, more, why):
    install(plugin)
    for name, value in more.items():
        monkeypatch.setenv(name, value)
    answer = bertrun("plugins", "why", plugin, *told)
    assert answer.code == 0
    assert f"is not loaded, but {why}" in answer.out
    assert ("Nothing of it was imported" in answer.out) == (plugin != "broken")


def test_why_of_what_nobody_gives_tells_what_is_close_and_what_cannot_be_used(install, bertrun):
    install("good", "broken", "twin")
    answer = bertrun("plugins", "why", "ecco", "--no-plugin", "twin")
    assert (answer.code, answer.err.splitlines()[-1]) == (
        3,
        "bertrun: error: no plugin has or gives the name 'ecco'. Did you mean 'echo'? "
        "Plugin bertrun-broken 0.3 failed: RuntimeError: no such luck. Not used: bertrun-twin 2.0. "
        "`bertrun plugins` lists all of them",
    )
