"""The manager's manners: what is imported, what is said of what cannot be used, and who owns a name."""

from __future__ import annotations

import sys

import click
import importlib_metadata
import pytest

from bert_core.errors import PluginError, UsageError
from bert_core.manager import KINDS, PluginManager, host_version
from bert_core.policy import Policy


class Manager:
    """A manager of fake plugins, and the lines that it said."""

    def __init__(self, policy=None, **more):
        self.lines = []
        self.manager = PluginManager(policy, say=self.lines.append, **more)

    def record(self, name):
        return next(record for record in self.manager.records if record.name == name)


def test_plugins_are_asked_in_the_order_of_their_names_whatever_the_path_says(install):
    install("twin", "good", "every")
    assert [record.name for record in Manager().manager.records] == ["builtin", "every", "good", "twin"]


def test_a_record_says_who_provides_what(install):
    install("good")
    record = Manager().record("good")
    assert (record.distribution, record.version, record.state) == ("bertrun-good", "1.2", "loaded")
    assert record.provides == (("metric", "exact"), ("task", "echo"), ("command", "hello"))
    assert record.title == "bertrun-good 1.2"


def test_the_hosts_own_plugin_comes_through_the_same_door(install):
    install()
    manager = Manager()
    assert ("model", "bert") in manager.record("builtin").provides
    assert manager.manager.owner("model", "bert").title == f"bertrun {host_version()}"
    assert "builtin" in [record.name for record in Manager(Policy(blocked=frozenset({"builtin"}))).manager.records]
    assert Manager(Policy(blocked=frozenset({"builtin"}))).manager.specs("model") == {}


@pytest.mark.parametrize("name", ["good", "bertrun-good", "bertrun_good", "Bertrun.Good"])
def test_a_blocked_plugin_is_never_imported(install, name):
    install("good", "twin")
    manager = Manager(Policy(blocked=frozenset({name})))
    assert "fake_good" not in sys.modules
    assert manager.record("good").state == "disabled"
    assert "--no-plugin" in manager.record("good").reason
    assert manager.manager.owner("task", "echo").distribution == "bertrun-twin"
    assert manager.lines == []


def test_the_environment_blocks_plugins_too(install):
    install("good", "broken")
    policy = Policy.from_environment({"BERTRUN_DISABLED_PLUGINS": "bertrun-broken, other"}, blocked=["good"])
    manager = Manager(policy)
    assert [record.state for record in manager.manager.records] == ["disabled", "loaded", "disabled"]
    assert not {"fake_good", "fake_broken"} & set(sys.modules)


def test_only_what_the_allow_list_names_is_imported_besides_the_hosts_own(install):
    install("good", "twin", "broken")
    manager = Manager(Policy.from_environment({"BERTRUN_PLUGINS": "Bertrun_Good"}))
    states = {record.name: record.state for record in manager.manager.records}
    assert states == {"builtin": "loaded", "good": "loaded", "twin": "disabled", "broken": "disabled"}
    assert "BERTRUN_PLUGINS" in manager.record("twin").reason
    assert "fake_good" in sys.modules
    assert not {"fake_twin", "fake_broken"} & set(sys.modules)


def test_an_empty_allow_list_leaves_the_hosts_own_plugin_only(install):
    install("good")
    manager = Manager(Policy.from_environment({"BERTRUN_PLUGINS": ""}))
    assert [record.state for record in manager.manager.records] == ["loaded", "disabled"]


def test_nobody_passes_the_allow_list_by_the_name_of_the_hosts_plugin():
    policy = Policy(allowed=frozenset())
    assert policy.why_not("builtin", "bertrun", "1") == ""
    assert policy.why_not("builtin", "bertrun-stranger", "1") != ""


@pytest.mark.parametrize(
    ("allowed", "state"),
    [
        ("good==1.2", "loaded"),
        ("bertrun-good == 1.2.0", "loaded"),
        ("good==1.1,good==1.2", "loaded"),
        ("good==1.1,good", "loaded"),
        ("good==1.3", "disabled"),
        ("good==1.1,twin", "disabled"),
    ],
)
def test_the_allow_list_can_ask_for_a_version(install, allowed, state):
    install("good")
    manager = Manager(Policy.from_environment({"BERTRUN_PLUGINS": allowed}))
    assert manager.record("good").state == state
    assert ("fake_good" in sys.modules) == (state == "loaded")


def test_a_version_that_is_not_allowed_is_said(install):
    install("good")
    record = Manager(Policy.from_environment({"BERTRUN_PLUGINS": "good==1.3,good==1.1"})).record("good")
    assert record.reason == "the allow-list BERTRUN_PLUGINS has it in version 1.1, 1.3 alone"


@pytest.mark.parametrize("entry", ["good>=1", "good==", "==1", "good ner", "good=1.2", "good==1.*"])
def test_an_entry_of_the_allow_list_that_is_none_is_refused_and_not_passed_over(entry):
    with pytest.raises(UsageError, match="is neither NAME nor NAME==VERSION"):
        Policy.from_environment({"BERTRUN_PLUGINS": f"ner,{entry}"})


def test_what_is_not_there_comes_with_what_is_left_out(install):
    install("good", "twin")
    with pytest.raises(PluginError, match=r"Not used: bertrun-good 1\.2, bertrun-twin 2\.0"):
        Manager(Policy(allowed=frozenset())).manager.get("task", "echo")


def test_the_default_door_is_what_is_installed(monkeypatch, request):
    fakes = request.path.parent.parent / "plugins"
    monkeypatch.syspath_prepend(fakes / "good")
    manager = Manager(Policy(allowed=frozenset({"bertrun-good"})))
    assert manager.manager.get("task", "echo").summary == "Say it again."
    del sys.modules["fake_good"]


def test_a_plugin_for_another_host_is_not_imported(install):
    install("old", "good")
    manager = Manager()
    assert "fake_old" not in sys.modules
    assert manager.record("old").state == "incompatible"
    reason = f"it requires bertrun<0.1, and bertrun {host_version()} is installed"
    assert manager.lines == [f"plugin bertrun-old 0.0.9 incompatible: {reason}"]
    assert manager.manager.get("task", "echo")


def test_a_requirement_of_an_extra_is_no_requirement(install, tmp_path):
    _write_plugin(tmp_path, requires='bertrun>9; extra == "future"')
    install(tmp_path)
    assert Manager().record("made").state == "loaded"


def test_metadata_that_nobody_can_read_fails_only_its_plugin(install, tmp_path):
    _write_plugin(tmp_path, requires="bertrun ~~~ nonsense")
    install(tmp_path, "good")
    manager = Manager()
    assert manager.record("made").state == "failed"
    assert "fake_made" not in sys.modules
    assert manager.record("good").state == "loaded"


def test_the_remains_of_a_distribution_fail_alone(install, tmp_path):
    _write_plugin(tmp_path)
    (tmp_path / "bertrun_made-0.3.dist-info" / "METADATA").unlink()
    points = [*importlib_metadata.distributions(path=[str(tmp_path)])]
    assert (
        Manager(entry_points=[point for one in points for point in one.entry_points]).record("made").state == "failed"
    )


FAILURES = {
    "broken": "RuntimeError: no such luck",
    "leaving": "SystemExit: goodbye",
    "raising": "LookupError: no tasks today",
    "undecorated": "bertrun_register_tasks is not decorated with @bert_core.hookimpl, so it would never be called",
    "misspelt": "unknown hook bertrun_register_task. Did you mean 'bertrun_register_tasks'?",
    "argument": "bertrun_on_step_end takes no argument 'loss'; it can take: run, step",
    "default": "argument 'step' of bertrun_on_step_end has a default; hooks are called with every value",
    "badname": "'Bad_Name' is no name; a name is lower-case words joined by '-'",
    "nohelp": "option 'depth' of task silent has no help. Declare it with bert_core.option(default, help=...)",
    "wrongtype": "bertrun_register_tasks yielded a MetricSpec, not a TaskSpec",
    "shadow": "the command 'plugins' is bertrun's own",
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failed_plugin_is_one_line_and_the_others_work(install, name):
    install(name, "good")
    manager = Manager(taken=["plugins"])
    assert manager.lines == [f"plugin bertrun-{name} 0.3 failed: {FAILURES[name]}"]
    assert manager.record(name).state == "failed"
    assert manager.record(name).provides == ()
    assert manager.record("good").state == "loaded"
    assert list(manager.manager.specs("task")) == ["echo"]


def test_nothing_of_a_failed_plugin_is_used(install):
    install("raising")
    assert "half" not in Manager().manager.specs("metric")


@pytest.mark.parametrize("value", ["1", "true", "Yes"])
def test_strict_mode_raises_instead(install, value):
    install("broken", "good")
    with pytest.raises(PluginError, match=r"bertrun-broken 0\.3 failed: RuntimeError: no such luck"):
        Manager(Policy.from_environment({"BERTRUN_STRICT_PLUGINS": value}))


def test_strict_mode_raises_for_a_plugin_of_another_host(install):
    install("old")
    with pytest.raises(PluginError, match="incompatible"):
        Manager(Policy(strict=True))


def test_strict_mode_accepts_a_plugin_that_is_blocked(install):
    install("broken")
    assert Manager(Policy(strict=True, blocked=frozenset({"broken"}))).record("broken").state == "disabled"


def test_two_owners_are_an_error_when_their_kind_is_asked_for_and_not_before(install):
    install("good", "twin")
    manager = Manager().manager
    assert list(manager.specs("metric")) == ["exact"]
    for ask in (lambda: manager.specs("task"), lambda: manager.get("task", "echo"), lambda: manager.command("hello")):
        with pytest.raises(PluginError) as caught:
            ask()
        assert "is registered by both bertrun-good 1.2 and bertrun-twin 2.0" in str(caught.value)
        assert "--no-plugin bertrun-good or --no-plugin bertrun-twin" in str(caught.value)


def test_dropping_one_of_two_owners_leaves_the_other(install):
    install("good", "twin")
    manager = Manager(Policy(blocked=frozenset({"bertrun-good"}))).manager
    assert manager.get("task", "echo").summary == "Say it again, too."


def test_one_plugin_that_claims_a_name_twice_fails(install, tmp_path):
    task = 'bert_core.TaskSpec(name="made", summary="Made.", build=lambda options, state: None)'
    _write_plugin(tmp_path, f"@bert_core.hookimpl\ndef bertrun_register_tasks():\n    return [{task}] * 2\n")
    install(tmp_path)
    assert Manager().lines == ["plugin bertrun-made 0.3 failed: it registers task 'made' twice"]


def test_what_is_not_there_comes_with_what_is_close_what_is_installed_and_what_failed(install):
    install("good", "broken")
    with pytest.raises(PluginError) as caught:
        Manager().manager.get("task", "ecco")
    assert str(caught.value) == (
        "no task named 'ecco'. Did you mean 'echo'? Installed: echo. "
        "Plugin bertrun-broken 0.3 failed: RuntimeError: no such luck"
    )


def test_a_kind_that_nobody_provides_says_which_plugins_failed(install):
    install("broken")
    with pytest.raises(PluginError) as caught:
        Manager().manager.preferred("device")
    assert str(caught.value) == ("no device is installed. Plugin bertrun-broken 0.3 failed: RuntimeError: no such luck")


def test_hyphen_underscore_and_case_are_the_same_in_names(install):
    install("every")
    assert Manager().manager.get("task", "Every_Task").name == "every-task"


def test_the_preferred_one_of_a_kind_is_the_one_that_says_so_or_the_only_one(install):
    install("every")
    manager = Manager().manager
    assert manager.preferred("model").name == "bert"
    assert manager.preferred("device").name == "every-device"


def test_where_several_could_be_taken_the_user_chooses(install, tmp_path):
    specs = [
        f'bert_core.TaskSpec(name="made-{number}", summary="Made.", build=lambda options, state: None)'
        for number in (1, 2)
    ]
    _write_plugin(tmp_path, f"@bert_core.hookimpl\ndef bertrun_register_tasks():\n    return [{', '.join(specs)}]\n")
    install(tmp_path)
    with pytest.raises(PluginError, match="Say --task with one of: made-1, made-2"):
        Manager().manager.preferred("task")


def test_commands_are_mounted_by_name(install):
    install("good")
    manager = Manager().manager
    assert isinstance(manager.command("hello"), click.Command)
    assert manager.command("goodbye") is None


def test_specs_come_in_the_order_of_their_names(install):
    install("every", "good")
    assert list(Manager().manager.specs("task")) == ["echo", "every-task"]


def test_every_kind_can_be_asked_for_where_nothing_is_installed(install):
    install()
    manager = Manager(Policy(blocked=frozenset({"builtin"}))).manager
    assert [manager.specs(kind) for kind in KINDS] == [{}] * len(KINDS)


def _write_plugin(folder, body="", requires="bertrun"):
    (folder / "fake_made.py").write_text(f"import bert_core\n\n{body}", encoding="utf-8")
    information = folder / "bertrun_made-0.3.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: bertrun-made\nVersion: 0.3\nRequires-Dist: {requires}\n", encoding="utf-8"
    )
    (information / "entry_points.txt").write_text("[bertrun]\nmade = fake_made\n", encoding="utf-8")
