from __future__ import annotations

import sys
from textwrap import dedent

import pytest

from bert_core.errors import BertrunError
from bert_core.testing import PluginContract
from bert_core.testing.readme import false_examples, options_tables, specs_table
from bert_core.testing.specs import load

GOOD = """
from dataclasses import dataclass
from bert_core import MetricSpec, hookimpl, option

@dataclass(frozen=True)
class Options:
    share: float = option(0.5, help="The share.")
    kinds: str | None = option(None, metavar="A|B", help="The kinds.")

def build(options):
    return lambda predictions, references: {"half": options.share}

@hookimpl
def bertrun_register_metrics():
    yield MetricSpec(name="half", summary="Always a half (Half et al. 2020).", options=Options, build=build)
    yield MetricSpec(name="other-half", summary="The other one.", options=Options, build=build)
"""
TASK = """
from dataclasses import dataclass
from bert_core import TaskSpec, hookimpl, option

@dataclass(frozen=True)
class Options:
    epochs: int = option(3, help="How often.")

@hookimpl
def bertrun_register_tasks():
    yield TaskSpec(name="it", summary="Do it.", options=Options, build=lambda options, state: None)
"""
README = """\
| kind | name | what it is |
|---|---|---|
| metric | `half` | Always a half (Half et al. 2020). |
| metric | `other-half` | The other one. |

| option of metric `half`, `other-half` | default | what it says |
|---|---|---|
| `--share NUMBER` | 0.5 | The share. |
| `--kinds A\\|B` |  | The kinds. |

```console
$ bertrun --version
bertrun, version ...
```
"""
CONTRACT = sorted(name for name in vars(PluginContract) if name.startswith("test_"))


@pytest.fixture
def contract(tmp_path, monkeypatch):
    """Writes a plugin's module and README, and gives the function that runs one test of its contract."""

    def of(source: str, readme: str = README):
        name = f"acme_{abs(hash(source))}"
        (tmp_path / f"{name}.py").write_text(dedent(source), encoding="utf-8")
        (tmp_path / "mindspore.py").touch()  # stands for the real one, which takes seconds to import
        (tmp_path / "README.md").write_text(readme, encoding="utf-8")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setattr(PluginContract, "entry_point", name, raising=False)
        monkeypatch.setattr(PluginContract, "readme", tmp_path / "README.md")

        def run(test: str) -> None:
            wants_folder = test == "test_options_survive_a_run_file"
            getattr(PluginContract(), test)(*([tmp_path] if wants_folder else []))

        return run

    yield of
    for name in [name for name in sys.modules if name.startswith("acme_")]:
        del sys.modules[name]


@pytest.mark.parametrize("test", CONTRACT)
def test_a_good_plugin_keeps_the_contract(contract, test):
    contract(GOOD)(test)


@pytest.mark.parametrize("test", [test for test in CONTRACT if "readme" not in test])
def test_the_hosts_own_plugin_keeps_the_contract(monkeypatch, tmp_path, test):
    monkeypatch.setattr(PluginContract, "entry_point", "bert_core.builtin", raising=False)
    getattr(PluginContract(), test)(*([tmp_path] if test.endswith("run_file") else []))


@pytest.mark.parametrize(
    ("test", "source", "match"),
    [
        ("test_it_loads_without_mindspore", "import mindspore\n" + GOOD, "import it inside `build`"),
        ("test_it_loads_without_mindspore", "raise RuntimeError('broken')", "broken"),
        ("test_every_hook_is_accepted", "", "implements no hook"),
        ("test_every_hook_is_accepted", GOOD.replace("@hookimpl\n", ""), "not decorated"),
        ("test_every_hook_is_accepted", GOOD.replace("_metrics()", "_metric()"), "unknown hook"),
        ("test_every_hook_is_accepted", GOOD.replace("_metrics()", "_metrics(run)"), "no argument 'run'"),
        ("test_every_hook_is_accepted", GOOD.replace(', help="The share."', ', help=""'), "has no help"),
        ("test_every_hook_is_accepted", GOOD.replace("share: float", "name: float"), "Rename it"),
        ("test_every_spec_says_what_it_is", GOOD.replace("other one.", "other one"), "not one sentence"),
        ("test_every_spec_says_what_it_is", GOOD.replace("other one.", "other. One more."), "not one sentence"),
        ("test_every_option_has_help", GOOD.replace("The share.", "The share"), "help of --share"),
        ("test_every_option_has_help", GOOD.replace("frozen=True", "frozen=False"), "not a frozen dataclass"),
        ("test_options_survive_a_run_file", GOOD.replace("0.5, help", "'much', help"), "must be a number"),
        ("test_options_survive_a_run_file", GOOD.replace("0.5, help", "0.5, minimum=1, help"), "at least 1"),
        (
            "test_options_survive_a_run_file",
            GOOD.replace("kinds: str | None = option(None", "kinds: __import__('pathlib').Path = option('x'"),
            "came back",
        ),
        ("test_no_option_is_one_that_every_run_has", TASK, "--epochs belongs to both"),
        (
            "test_every_metric_is_built_with_default_options",
            GOOD.replace("return lambda", "lambda"),
            "cannot be called",
        ),
        ("test_the_readme_lists_specs_and_options", GOOD.replace("other one", "new one"), "lacks this table"),
        ("test_the_readme_lists_specs_and_options", GOOD.replace("0.5, help", "0.4, help"), "lacks this table"),
    ],
)
def test_what_breaks_the_contract_is_told(contract, test, source, match):
    with pytest.raises((AssertionError, BertrunError), match=match):
        contract(source)(test)


@pytest.mark.parametrize(
    ("readme", "match"),
    [
        (README.replace("console", "text"), "no example"),
        (README.replace("version ...", "version none"), r"the README says\s+bertrun, version none"),
        (README.replace("--version", "--versions"), "prints"),
    ],
)
def test_a_false_example_is_told(contract, readme, match):
    with pytest.raises(AssertionError, match=match):
        contract(GOOD, readme)("test_the_readme_shows_real_output")


def test_without_a_readme_nothing_is_asked_of_it(contract, monkeypatch):
    run = contract(GOOD)
    monkeypatch.setattr(PluginContract, "readme", None)
    for test in CONTRACT:
        if "readme" in test:
            run(test)


def test_every_command_of_a_block_is_run():
    block = "```console\n$ bertrun --version\n$ bertrun --version\nnothing\n```\n"
    assert [report.splitlines()[0] for report in false_examples(block)] == ["$ bertrun --version"] * 2
    assert not list(false_examples("```\n$ bertrun --version\nnothing\n```\n"))


def test_the_tables_are_markdown(contract):
    contract(GOOD)
    specs = list(load(PluginContract.entry_point).specs("metric").values())
    assert "\n".join([specs_table(specs), *options_tables(specs)]) == README.partition("\n```")[0]
