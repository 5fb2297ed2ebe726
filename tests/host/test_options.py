"""Options: how texts become values, which place wins, and what is said of what is wrong."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from bert_core.errors import ConfigError, PluginError
from bert_core.options import Layer, NoOptions, index_options, option, options_of, resolve
from bert_core.plan import environment_layer, make_plan, read_run_file
from bert_core.run_options import RunOptions

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """One option of each type."""

    flag: bool = option(False, help="A switch.")
    maybe_flag: bool | None = option(None, help="A switch that may stay open.")
    count: int = option(3, minimum=1, maximum=9, help="A whole number.")
    maybe_count: int | None = option(None, minimum=1, help="A number that may be left out.")
    share: float = option(0.5, above=0, maximum=1, help="A share.")
    title: str = option("none", help="A text.")
    maybe_title: str | None = option(None, metavar="WORDS", help="A text that may be left out.")
    place: Path | None = option(None, help="A path.")
    scheme: Literal["auto", "two-words", "Under_Score"] = option("auto", help="One of three.")
    types: tuple[str, ...] = option((), help="Several texts.")


INFOS = {info.name: info for info in options_of(Sizes, "sizes")}


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        *(("flag", raw, True) for raw in ("true", "True", "yes", "ON", "1", True)),
        *(("flag", raw, False) for raw in ("false", "No", "off", "0", False)),
        ("maybe_flag", "false", False),
        ("maybe_flag", None, None),
        ("count", "4", 4),
        ("count", 4, 4),
        ("count", "1", 1),
        ("count", 9, 9),
        ("maybe_count", None, None),
        ("maybe_count", "12", 12),
        ("share", "1e-3", 0.001),
        ("share", 1, 1.0),
        ("title", "a, b", "a, b"),
        ("maybe_title", None, None),
        ("place", "a/b", Path("a/b")),
        ("place", Path("a"), Path("a")),
        ("place", "~/a", Path.home() / "a"),
        ("scheme", "two-words", "two-words"),
        ("scheme", "two_words", "two-words"),
        ("scheme", "Two-Words", "two-words"),
        ("scheme", "UNDER-SCORE", "Under_Score"),
        ("types", "PER, LOC", ("PER", "LOC")),
        ("types", ["PER", "LOC"], ("PER", "LOC")),
        ("types", ("PER",), ("PER",)),
        ("types", "", ()),
        ("types", [], ()),
    ],
)
def test_a_text_or_a_value_of_a_run_file_becomes_a_value(name, raw, value):
    parsed = INFOS[name].parse(raw)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("name", "raw", "why"),
    [
        ("flag", "perhaps", "must be true or false, not 'perhaps'"),
        ("flag", 2, "must be true or false, not 2"),
        ("flag", None, "must be true or false, not None"),
        ("count", "3.0", "must be a whole number, not '3.0'"),
        ("count", 3.0, "must be a whole number, not 3.0"),
        ("count", True, "must be a whole number, not True"),
        ("count", None, "must be a whole number, not None"),
        ("count", "0", "must be at least 1, not 0"),
        ("count", 10, "must be at most 9, not 10"),
        ("maybe_count", "-2", "must be at least 1, not -2"),
        ("share", "0", "must be greater than 0, not 0.0"),
        ("share", "1.5", "must be at most 1, not 1.5"),
        ("share", "nan", "must be a number, not 'nan'"),
        ("share", "inf", "must be a number, not 'inf'"),
        ("share", True, "must be a number, not True"),
        ("share", "half", "must be a number, not 'half'"),
        ("title", 3, "must be a text, not 3"),
        ("title", "", "must not be an empty text"),
        ("maybe_title", "", "must not be an empty text"),
        ("place", "", "must be a path, not ''"),
        ("place", 3, "must be a path, not 3"),
        ("place", "a\0b", r"must be a path, and no path has a NUL character, not 'a\\x00b'"),
        ("scheme", "other", "must be one of auto, two-words, Under_Score, not 'other'"),
        ("types", 3, "must be a list of texts, not 3"),
        ("types", [1, 2], r"must be a list of texts, not \[1, 2\]"),
    ],
)
def test_what_is_no_value_is_said_with_what_was_given(name, raw, why):
    with pytest.raises(ValueError, match=f"^{why}$"):
        INFOS[name].parse(raw)


def test_an_option_knows_how_it_is_typed_and_shown():
    assert INFOS["maybe_count"].flag == "--maybe-count"
    assert (INFOS["maybe_flag"].negation, INFOS["count"].negation) == ("--no-maybe-flag", "")
    shown = {name: info.shown_type for name, info in INFOS.items()}
    assert shown["count"] == "INTEGER"
    assert shown["share"] == "NUMBER"
    assert shown["place"] == "PATH"
    assert shown["maybe_title"] == "WORDS"
    assert shown["scheme"] == "[auto|two-words|Under_Score]"


LAYERS = [
    Layer(origin="command line", flat={"count": "4"}),
    Layer(origin="run.toml", tables={"sizes": {"count": 5, "share": 0.25}}),
    Layer(
        origin="environment", flat={"count": "6", "share": "0.75", "title": "there", "unheard_of": "1"}, strict=False
    ),
]


def test_the_first_place_that_says_something_wins_and_is_remembered():
    settings = resolve({"sizes": Sizes}, LAYERS)
    values, origins = settings.values["sizes"], settings.origins["sizes"]
    assert (values.count, origins["count"]) == (4, "command line")
    assert (values.share, origins["share"]) == (0.25, "run.toml")
    assert (values.title, origins["title"]) == ("there", "environment")
    assert (values.scheme, origins["scheme"]) == ("auto", "default")


@pytest.fixture
def manager(install):
    from bert_core.manager import PluginManager

    install("good", "every")
    return PluginManager()


def _plan(manager, *layers, config=None, model="bert-tiny", device=None):
    vocab = Layer(origin="test", tables={"run": {"vocab": "vocab.txt"}})
    wanted = {"task": "echo", "model": model, "device": device}
    return make_plan(manager, wanted=wanted, layers=[*layers, vocab], config=config)


def test_weights_win_over_the_preset_and_the_preset_over_the_default(manager):
    plan = _plan(manager, config={"model_type": "bert", "layer_norm_eps": 1e-6, "architectures": ["X"]})
    model, origins = plan.options("model"), plan.settings.origins["model"]
    assert (model.layer_norm_eps, origins["layer_norm_eps"]) == (1e-6, "weights")
    assert (model.num_hidden_layers, origins["num_hidden_layers"]) == (2, "preset bert-tiny")
    assert (model.hidden_act, origins["hidden_act"]) == ("gelu", "default")


def test_the_user_wins_over_weights_preset_and_task(manager):
    said = Layer(origin="command line", flat={"hidden_size": "256", "num_hidden_layers": "1", "epochs": "2"})
    plan = _plan(manager, said, config={"hidden_size": 128})
    assert (plan.options("model").hidden_size, plan.options("model").num_hidden_layers, plan.run.epochs) == (256, 1, 2)


def test_weights_of_another_size_than_the_preset_are_refused(manager):
    with pytest.raises(ConfigError, match=r"they have hidden_size 192 and not 128\. Leave out --model"):
        _plan(manager, config={"hidden_size": 192, "num_hidden_layers": 2})
    with pytest.raises(ConfigError, match="they have model_type nezha and not bert"):
        _plan(manager, config={"model_type": "nezha"})


def test_a_task_has_its_own_defaults_for_the_run(manager):
    plan = _plan(manager)
    assert (plan.run.epochs, plan.settings.origins["run"]["epochs"]) == (7, "task echo")


def test_weights_say_which_model_where_nobody_else_does(manager):
    assert _plan(manager, config={"model_type": "every-model"}, model=None).choices["model"].name == "every-model"


def test_an_empty_variable_of_the_environment_says_nothing(manager):
    layer = environment_layer({"BERTRUN_EPOCHS": "", "BERTRUN_SEED": "3", "HOME": "x", "BERTRUN_SOMETHING": "else"})
    plan = _plan(manager, layer)
    assert (plan.run.epochs, plan.run.seed) == (7, 3)
    assert plan.settings.origins["run"]["seed"] == "environment"


def test_all_problems_come_together_each_with_its_help_and_origin():
    layers = [
        Layer(origin="command line", flat={"count": "0", "shore": "1"}),
        Layer(origin="run.toml", tables={"sizes": {"share": "half", "titel": "x"}, "size": {}}),
        Layer(origin="environment", flat={"flag": "perhaps"}, strict=False),
    ]
    with pytest.raises(ConfigError) as caught:
        resolve({"sizes": Sizes}, layers)
    assert caught.value.problems == (
        "no option --shore in this run (command line). Did you mean '--share'?",
        "no key 'titel' in [sizes] (run.toml). Did you mean 'title'?",
        "no table [size] in a run file (run.toml). Did you mean 'sizes'?",
        "--flag (environment) must be true or false, not 'perhaps'. It is: A switch.",
        "--count (command line) must be at least 1, not 0. It is: A whole number.",
        "--share (run.toml) must be a number, not 'half'. It is: A share.",
    )
    assert str(caught.value).startswith("6 problems with this configuration:\n  - no option --shore")


def test_a_misspelt_negation_is_recognised():
    with pytest.raises(ConfigError, match="Did you mean '--no-flag'"):
        resolve({"sizes": Sizes}, [Layer(origin="command line", flat={"no_flagg": ""})])


def test_a_wrong_value_that_a_better_place_overrules_is_no_problem():
    layers = [Layer(origin="command line", flat={"count": "4"}), Layer(origin="environment", flat={"count": "x"})]
    assert resolve({"sizes": Sizes}, layers).values["sizes"].count == 4


def test_values_that_contradict_each_other_come_together_too():
    said = {"batch_size": "10", "accumulate": "3", "train": "false", "eval": "false"}
    with pytest.raises(ConfigError) as caught:
        resolve({"run": RunOptions}, [Layer(origin="command line", flat=said)])
    problems = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 4
    for part in ("--batch-size 10", "--no-train and --no-eval", "--weights names", "no vocabulary"):
        assert part in problems


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
SAID = st.fixed_dictionaries(
    {},
    optional={
        "flag": st.booleans(),
        "maybe_flag": st.booleans(),
        "count": st.integers(1, 9),
        "maybe_count": st.integers(1, 10**6),
        "share": st.floats(0, 1, exclude_min=True, allow_subnormal=False),
        "title": TEXTS.filter(bool),
        "maybe_title": TEXTS.filter(bool),
        "place": TEXTS.filter(bool),
        "scheme": st.sampled_from(["auto", "two-words", "Under_Score"]),
        "types": st.lists(TEXTS, max_size=3),
    },
)


@given(SAID)
def test_settings_survive_a_run_file(said: dict[str, Any]):
    first = resolve({"sizes": Sizes}, [Layer(origin="test", flat=said)])
    tables = tomllib.loads(tomli_w.dumps(first.tables()))
    again = resolve({"sizes": Sizes}, [Layer(origin="file", tables=tables)])
    assert again.values == first.values


@pytest.mark.parametrize(
    ("model", "asked", "dtype"),
    [
        ("bert-tiny", {}, "float16"),
        ("bert-tiny", {"compute_dtype": "float32"}, "float32"),
        ("nezha", {"recompute": "true"}, "float16"),
        ("every-model", {}, "float32"),
    ],
)
def test_the_compute_dtype_is_the_devices_first_that_the_model_has(manager, model, asked, dtype):
    plan = _plan(manager, Layer(origin="command line", flat=asked), model=model, device="every-device")
    assert plan.compute_dtype == dtype


def test_what_a_model_or_a_device_cannot_do_is_refused(manager):
    flat = {"compute_dtype": "bfloat16", "recompute": "true"}
    with pytest.raises(ConfigError) as raised:
        _plan(manager, Layer(origin="command line", flat=flat), model="every-model", device="every-device")
    assert list(raised.value.problems) == [
        "--compute-dtype bfloat16: the model 'every-model' on the device 'every-device' computes in float32",
        "--recompute: the model 'every-model' cannot compute its layers again",
    ]


BY_LAYER = {"layer_decay": "0.9", "freeze_embeddings": "true", "freeze_layers": "2"}


def test_layers_that_a_model_does_not_have_are_refused(manager):
    with pytest.raises(ConfigError) as raised:
        _plan(manager, Layer(origin="command line", flat=BY_LAYER), model="every-model")
    all_three = "--layer-decay, --freeze-embeddings, --freeze-layers"
    assert str(raised.value) == f"{all_three}: the model 'every-model' does not say which parameters are of which layer"
    with pytest.raises(ConfigError) as raised:
        _plan(manager, Layer(origin="command line", flat={"freeze_layers": "3"}))
    assert str(raised.value) == "--freeze-layers 3: the model 'bert-tiny' has 2 layers"


@pytest.mark.parametrize(
    ("flat", "why"),
    [
        ({"layer_decay": "0"}, "--layer-decay (command line) must be greater than 0, not 0.0"),
        ({"layer_decay": "1.01"}, "--layer-decay (command line) must be at most 1, not 1.01"),
        ({"freeze_layers": "-1"}, "--freeze-layers (command line) must be at least 0, not -1"),
        ({"freeze_layers": "two"}, "--freeze-layers (command line) must be a whole number, not 'two'"),
    ],
)
def test_values_that_make_no_sense_of_layers_are_said(manager, flat, why):
    with pytest.raises(ConfigError) as raised:
        _plan(manager, Layer(origin="command line", flat=flat))
    assert str(raised.value).startswith(why)


def test_options_of_layers_survive_a_run_file(manager, tmp_path):
    plan = _plan(manager, Layer(origin="command line", flat=BY_LAYER))
    (tmp_path / "run.toml").write_text(tomli_w.dumps(plan.tables()), encoding="utf-8")
    names, layer = read_run_file(tmp_path / "run.toml")
    run = make_plan(manager, wanted=names, layers=[layer]).run
    assert (run.layer_decay, run.freeze_embeddings, run.freeze_layers) == (0.9, True, 2)


def test_a_plan_survives_a_run_file(manager, tmp_path):
    flat = {"seed": "5", "hidden_size": "64", "languages": "de,fr", "vocab": tmp_path / "vocab.txt"}
    plan = _plan(manager, Layer(origin="command line", flat=flat))
    path = tmp_path / "run.toml"
    path.write_text(tomli_w.dumps(plan.tables()), encoding="utf-8")
    names, layer = read_run_file(path)
    again = make_plan(manager, wanted=names, layers=[layer])
    assert names["model"] == "bert-tiny"
    assert again.settings.values == plan.settings.values
    assert again.tables() == plan.tables()


def test_a_run_file_means_the_same_in_every_folder(manager, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    flat = {"train_data": "train.conll", "eval_data": "/data/dev.conll", "weights": "mine"}
    run = _plan(manager, Layer(origin="command line", flat=flat)).tables()["run"]
    assert (run["train_data"], run["eval_data"]) == (f"{tmp_path}/train.conll", "/data/dev.conll")
    assert run["weights"] == f"{tmp_path}/mine"
    named = _plan(manager, Layer(origin="command line", flat={"weights": "minilm-l6"}))
    assert named.tables()["run"]["weights"] == "minilm-l6"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("epochs = 3", "'epochs' stands outside a table"),
        ("[run", "is not TOML"),
        ("[run]\nepochs = 3\nepochs = 4\n", "is not TOML"),
        (None, "cannot read the run file"),
    ],
)
def test_a_file_that_is_no_run_file_says_why(tmp_path, text, why):
    path = tmp_path / "run.toml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=why):
        read_run_file(path)


def _made(**fields):
    return dataclasses.make_dataclass("Made", [(name, kind, value) for name, (kind, value) in fields.items()])


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"depth": (int, 3)}, "option 'depth' of made has no help"),
        ({"depth": (int, option(3, help=""))}, "option 'depth' of made has no help"),
        ({"depth": (int, option(help="Depth."))}, "option 'depth' of made has no default"),
        ({"depth": (complex, option(3, help="Depth."))}, "option 'depth' of made has the type <class 'complex'>"),
        ({"depth": (list[int], option(None, help="Depth."))}, "option 'depth' of made has the type"),
        ({"depth": (int | str, option(3, help="Depth."))}, "option 'depth' of made has the type"),
        ({"name": (str, option("x", help="A name."))}, "option 'name' of made has a name that every run file"),
        ({"device": (str, option("x", help="A device."))}, "option 'device' of made has a name that every run file"),
    ],
)
def test_an_option_that_no_help_page_could_show_is_the_plugins_error(fields, why):
    with pytest.raises(PluginError, match=why):
        options_of(_made(**fields), "made")


def test_two_owners_of_one_option_are_both_named():
    with pytest.raises(PluginError, match="--count belongs to both sizes and other"):
        index_options({"sizes": Sizes, "none": NoOptions, "other": _made(count=(int, option(1, help="Another.")))})


def test_every_option_of_a_run_has_a_help_that_is_a_sentence():
    assert [info.name for info in options_of(RunOptions, "run") if not info.help.endswith((".", "..."))] == []
