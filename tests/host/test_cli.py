"""The command line: how it is spelled, which flags of the reference it takes, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
import tomli_w

from bert_core.cli.arguments import spelled, take
from bert_core.cli.legacy import FLAGS, OF_TASK, translate
from bert_core.cli.main import COMMANDS, driver
from bert_core.cli.run import RunCommand, decide
from bert_core.cli.state import State
from bert_core.errors import PluginError, UsageError
from bert_core.plan import Plan

FAKES = Path(__file__).parent.parent / "plugins"
VOCABULARY = "\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"])


@pytest.fixture
def shipped(install, tmp_path, monkeypatch):
    """The plugins that a run of NER takes, in a folder of its own with a vocabulary."""
    install("ner", "optimizers", "devices")
    monkeypatch.chdir(tmp_path)
    Path("vocab.txt").write_text(VOCABULARY + "\n", encoding="utf-8")


@pytest.fixture
def plan(shipped, monkeypatch):
    """What a command line would run: `plan("--task", "ner", ...)`."""
    decided = []

    def keep(manager, plan):
        decided.append(plan)
        return 0

    monkeypatch.setattr("bert_core.cli.run.start", keep)

    def plan(*arguments: str) -> Plan:
        driver.main(list(arguments), prog_name="bertrun", standalone_mode=False, obj=State())
        return decided[-1]

    return plan


NER = ("--task", "ner", "--vocab", "vocab.txt")


def test_run_is_the_command_where_none_is_named(plan):
    assert plan(*NER, "--seed", "5").tables() == plan("run", *NER, "--seed", "5").tables()


def test_hyphen_underscore_and_the_equals_sign_are_the_same(plan):
    said = plan(*NER, "--learning-rate", "1e-3", "--max-length", "64").tables()
    assert plan(*NER, "--learning_rate=1e-3", "--max_length", "64").tables() == said
    assert plan(*NER, "--no-crf", "--seed", "0").tables() == plan(*NER, "--no_crf").tables()


def test_only_names_of_options_are_respelled():
    assert spelled(["--train_data", "my_file", "--label_file=my_labels", "-"]) == [
        "--train-data",
        "my_file",
        "--label-file=my_labels",
        "-",
    ]


def test_the_last_of_one_option_counts(plan):
    assert plan(*NER, "--seed", "1", "--seed", "2").run.seed == 2


def test_switches_go_both_ways(plan):
    assert plan(*NER, "--crf").options("task").crf is True
    assert plan(*NER, "--crf", "--no-crf").options("task").crf is False
    assert plan(*NER, "--lowercase").run.lowercase is True
    assert plan(*NER).run.lowercase is None


def test_a_run_file_and_the_environment_are_below_the_command_line(plan, monkeypatch):
    Path("run.toml").write_text(
        'run = {seed = 2, keep = 2, vocab = "vocab.txt"}\n'
        'task = {name = "ner", crf = true}\nmodel.name = "bert-mini"\n',
        encoding="utf-8",
    )
    monkeypatch.setenv("BERTRUN_KEEP", "3")
    monkeypatch.setenv("BERTRUN_LOG_EVERY", "3")
    monkeypatch.setenv("BERTRUN_DEVICE", "")
    monkeypatch.setenv("BERTRUN_MODEL", "bert-base")
    decided = plan("--config", "run.toml", "--seed", "1")
    assert (decided.run.seed, decided.run.keep, decided.run.log_every) == (1, 2, 3)
    assert decided.options("task").crf is True
    assert (decided.choices["model"].name, decided.options("model").hidden_size) == ("bert-mini", 256)
    assert plan("--config=run.toml", "--model", "bert-tiny").options("model").hidden_size == 128
    origins = decided.settings.origins["run"]
    assert [origins[name] for name in ("seed", "keep", "log_every", "epochs")] == [
        "command line",
        "run.toml",
        "environment",
        "sample of ner",
    ]
    own = plan("--config", "run.toml", "--train-data", "mine.conll")
    assert own.settings.origins["run"]["epochs"] == "task ner"
    assert (own.run.epochs, own.run.learning_rate) == (5, 5e-5)


def test_a_model_on_the_command_line_does_not_get_the_sizes_of_the_run_file(plan):
    Path("run.toml").write_text(
        'run = {vocab = "vocab.txt"}\ntask = {name = "ner", crf = true}\n'
        'model = {name = "bert-mini", hidden_size = 64, vocab_size = 9}\noptimizer = {name = "adamw", beta1 = 0.5}\n',
        encoding="utf-8",
    )
    kept, other = plan("--config", "run.toml"), plan("--config", "run.toml", "--model", "bert-tiny")
    assert (kept.options("model").hidden_size, other.options("model").hidden_size) == (64, 128)
    assert (kept.options("model").vocab_size, other.options("model").vocab_size) == (9, 7)
    assert plan("--config", "run.toml", "--vocab", "vocab.txt").options("model").vocab_size == 7
    assert plan("--config", "run.toml", "--model", "bert-mini").options("model").hidden_size == 64
    assert other.options("optimizer").beta1 == 0.5


@pytest.mark.parametrize(
    "arguments",
    [
        ["--no-plugin", "twin", "hello"],
        ["hello", "--no-plugin", "twin"],
        ["hello", "--no_plugin=bertrun-twin"],
        ["--no-plugin=good", "hello", "--no-plugin", "bertrun_twin", "--no-plugin", "other"],
    ],
)
def test_a_plugin_is_left_out_wherever_the_line_says_so(install, bertrun, arguments):
    install("good", "twin")
    answer = bertrun(*arguments)
    both = "--no-plugin=good" in arguments
    assert (answer.code, answer.out) == ((2, "") if both else (0, "hello\n"))
    assert "fake_twin" not in sys.modules


def test_a_plugin_to_leave_out_must_be_named(install, bertrun):
    install("good")
    answer = bertrun("plugins", "--no-plugin")
    assert (answer.code, answer.err) == (2, "bertrun: error: --no-plugin needs a value\n")
    with pytest.raises(UsageError):
        take(["--no-plugin", "--task", "ner"], "--no-plugin")


# The flags of `run_ner` in the reference's README, each with a value that it says is possible,
# and what that is here. None: accepted, and without an effect on a run.
REFERENCE = {
    "device_target": ("Ascend", ["--device", "ascend"]),
    "do_train": ("true", ["--train"]),
    "do_eval": ("false", ["--no-eval"]),
    "assessment_method": ("clue_benchmark", ["--metric", "cluener"]),
    "use_crf": ("true", ["--crf"]),
    "device_id": ("0", ["--device_id", "0"]),
    "epoch_num": ("5", ["--epochs", "5"]),
    "train_data_shuffle": ("false", ["--no-shuffle"]),
    "eval_data_shuffle": ("true", []),
    "vocab_file_path": ("vocab.txt", ["--vocab", "vocab.txt"]),
    "label2id_file_path": ("labels.json", ["--label-file", "labels.json"]),
    "save_finetune_checkpoint_path": ("out", ["--output", "out"]),
    "load_pretrain_checkpoint_path": ("bert", ["--weights", "bert"]),
    "load_finetune_checkpoint_path": ("ner", ["--weights", "ner"]),
    "train_data_file_path": ("train.tfrecord", ["--train-data", "train.tfrecord"]),
    "eval_data_file_path": ("dev.tfrecord", ["--eval-data", "dev.tfrecord"]),
    "use_pynative_mode": ("True", []),
    "dataset_format": ("tfrecord", []),
    "schema_file_path": ("schema.json", ["--schema", "schema.json"]),
    # Those of `run_pretrain` that are options of every run
    "epoch_size": ("40", ["--epochs", "40"]),
    "train_steps": ("1000", ["--max-steps", "1000"]),
    "do_shuffle": ("true", ["--shuffle"]),
    "data_dir": ("records", ["--train-data", "records"]),
    "schema_dir": ("schema.json", ["--schema", "schema.json"]),
    "save_checkpoint_path": ("out", ["--output", "out"]),
    "load_checkpoint_path": ("bert", ["--weights", "bert"]),
    "save_checkpoint_steps": ("1000", ["--save-every", "1000"]),
    "save_checkpoint_num": ("1", ["--keep", "1"]),
    "enable_save_ckpt": ("false", ["--no-save"]),
    "enable_lossscale": ("true", ["--loss-scale", "65536"]),
    "loss_scale_value": ("4294967296", ["--loss-scale", "4294967296"]),
    "scale_factor": ("2", ["--loss-scale-factor", "2"]),
    "scale_window": ("1000", ["--loss-scale-window", "1000"]),
    "allreduce_post_accumulation": ("false", ["--reduce", "each"]),
    "enable_data_sink": ("true", []),
    "data_sink_steps": ("100", []),
    "distribute": ("true", []),
    "device_num": ("8", []),
    "bert_network": ("nezha", ["--model", "nezha-base"]),
    "optimizer": ("Lamb", ["--optimizer", "lamb-modelzoo"]),
}
UNCHANGED = {"device_id"}


@pytest.mark.parametrize("flag", REFERENCE)
def test_a_flag_of_the_reference_is_what_it_is_called_here(flag):
    value, ours = REFERENCE[flag]
    assert translate([f"--{flag}", value]) == ours
    if flag not in UNCHANGED:
        assert translate([f"--{flag}={value}"]) == ours
        assert translate([f"--{flag.replace('_', '-')}", value]) == ours


@pytest.mark.parametrize("flag", sorted(REFERENCE))
def test_a_flag_of_the_reference_reaches_an_option_of_a_run_of_ner(shipped, flag):
    value, _ = REFERENCE[flag]
    value = "CPU" if flag == "device_target" else value
    command = RunCommand()
    with click.Context(command, obj=State()) as context:
        command.parse_args(context, ["--task", "ner", f"--{flag}", value])
    assert context.args == []


# Those of `run_classifier` and `run_squad`, with all that later releases of them added.
FINE_TUNING = {
    "device_target": "CPU",
    "do_train": "false",
    "do_eval": "true",
    "device_id": "0",
    "epoch_num": "3",
    "num_class": "2",
    "train_data_shuffle": "true",
    "eval_data_shuffle": "false",
    "train_batch_size": "32",
    "eval_batch_size": "1",
    "vocab_file_path": "vocab.txt",
    "save_finetune_checkpoint_path": "out",
    "load_pretrain_checkpoint_path": "bert",
    "load_finetune_checkpoint_path": "task",
    "train_data_file_path": "train.tfrecord",
    "eval_data_file_path": "dev.tfrecord",
    "schema_file_path": "schema.json",
    "dataset_format": "tfrecord",
    "use_pynative_mode": "False",
}


@pytest.mark.parametrize(
    ("task", "flag", "value"),
    [
        *(("classifier", *one) for one in FINE_TUNING.items()),
        *(("classifier", "assessment_method", one) for one in ("Accuracy", "F1", "Mcc", "Spearman_correlation")),
        *(("squad", *one) for one in FINE_TUNING.items()),
        ("squad", "eval_json_path", "dev.json"),
    ],
)
@pytest.mark.parametrize("old", [True, False], ids=["_", "-"])
def test_a_flag_of_the_reference_reaches_an_option_of_its_task(install, shipped, task, flag, value, old):
    install(task)
    command = RunCommand()
    with click.Context(command, obj=State()) as context:
        command.parse_args(context, ["--task", task, f"--{flag if old else flag.replace('_', '-')}", value])
    assert context.args == []


def test_the_format_of_records_is_known_by_their_content_and_another_is_refused():
    assert translate(["--task", "squad", "--dataset_format", "MindRecord"]) == ["--task", "squad"]
    with pytest.raises(UsageError, match="--dataset_format json: it is tfrecord or mindrecord, or say --data-format"):
        translate(["--dataset_format", "json"])


# Those of `run_pretrain`, of all its releases, by the table in ../shared/reference/inventory.md. None: refused.
PRETRAINING: dict[str, tuple[str, list[str] | None]] = {
    **{flag: REFERENCE[flag] for flag in ("device_target", "device_id", "distribute", "epoch_size", "device_num")},
    **{flag: REFERENCE[flag] for flag in ("enable_save_ckpt", "enable_lossscale", "do_shuffle", "enable_data_sink")},
    **{flag: REFERENCE[flag] for flag in ("data_sink_steps", "allreduce_post_accumulation", "save_checkpoint_path")},
    **{flag: REFERENCE[flag] for flag in ("load_checkpoint_path", "save_checkpoint_steps", "save_checkpoint_num")},
    **{flag: REFERENCE[flag] for flag in ("train_steps", "data_dir", "schema_dir", "dataset_format", "bert_network")},
    **{flag: REFERENCE[flag] for flag in ("loss_scale_value", "scale_factor", "scale_window", "optimizer")},
    "accumulation_steps": ("4", ["--accumulate", "4", "--batch-size", "128"]),
    "batch_size": ("16", ["--batch_size", "16"]),
    "base_batch_size": ("256", ["--batch-size", "256"]),
    "nezha_batch_size": ("96", []),  # the network is base where none is said
    "large_batch_size": ("24", []),
    "large_boost_batch_size": ("24", []),
    "num_samples": ("100", None),
    "enable_global_norm": ("True", []),
    "train_with_eval": ("true", ["--eval"]),
    "eval_data_dir": ("held-out", ["--eval-data", "held-out"]),
    "eval_ckpt": ("bert.ckpt", None),
    "eval_samples": ("300000", ["--eval-every", "9375"]),
    "schema_file": ("schema.json", ["--schema", "schema.json"]),
    # Of every script
    "config_path": ("pretrain_config.yaml", None),
    "enable_modelarts": ("True", None),
    "data_url": ("s3://data", []),
    "train_url": ("s3://train", []),
    "checkpoint_url": ("s3://ckpt", []),
    "data_path": ("/cache/data", []),
    "output_path": ("/cache/train", []),
    "load_path": ("/cache/checkpoint_path", []),
    "enable_profiling": ("True", None),
    "description": ("run_pretrain", []),
    "enable_graph_kernel": ("auto", []),
    # Of its configuration, as its README lists it
    "seq_length": ("512", ["--max-length", "512"]),
    "vocab_size": ("21128", ["--vocab_size", "21128"]),
    "hidden_size": ("768", ["--hidden_size", "768"]),
    "num_hidden_layers": ("12", ["--num_hidden_layers", "12"]),
    "num_attention_heads": ("12", ["--num_attention_heads", "12"]),
    "intermediate_size": ("3072", ["--intermediate_size", "3072"]),
    "hidden_act": ("gelu", ["--hidden_act", "gelu"]),
    "hidden_dropout_prob": ("0.1", ["--hidden_dropout_prob", "0.1"]),
    "attention_probs_dropout_prob": ("0.1", ["--attention_probs_dropout_prob", "0.1"]),
    "max_position_embeddings": ("512", ["--max_position_embeddings", "512"]),
    "type_vocab_size": ("16", ["--type_vocab_size", "16"]),
    "initializer_range": ("0.02", ["--initializer_range", "0.02"]),
    "use_relative_positions": ("True", None),
    "dtype": ("mstype.float32", ["--dtype", "float32"]),
    "compute_type": ("mstype.float16", ["--compute-dtype", "float16"]),
    "learning_rate": ("3e-5", ["--learning_rate", "3e-5"]),
    "weight_decay": ("0.01", ["--weight_decay", "0.01"]),
    "warmup_steps": ("10000", ["--warmup", "10000"]),
    "eps": ("1e-6", ["--epsilon", "1e-6"]),
    "decay_steps": ("100000", None),
    "end_learning_rate": ("1e-10", None),
}
INVENTORY = Path(__file__).parents[3] / "shared" / "reference" / "inventory.md"


@pytest.mark.skipif(not INVENTORY.is_file(), reason="no ../shared/reference/inventory.md")
def test_no_flag_of_the_references_pretraining_is_forgotten():
    section = INVENTORY.read_text(encoding="utf-8").partition("### 1.1 ")[2].partition("### 1.2 ")[0]
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| ")][1:]
    names = {name.strip() for row in rows for name in row.replace(",", " / ").split(" / ")}
    names -= {"base_batch_size/nezha_/large_/large_boost_batch_size"}
    assert len(names) > 30
    assert names <= {*PRETRAINING}


@pytest.mark.parametrize("flag", PRETRAINING)
@pytest.mark.parametrize("old", [True, False], ids=["_", "-"])
def test_a_flag_of_the_references_pretraining_is_ours_or_refused_with_what_to_say(install, shipped, flag, old):
    install("pretraining")
    value, ours = PRETRAINING[flag]
    said = ["--task", "pretrain", f"--{flag if old else flag.replace('_', '-')}"]
    if ours is None:
        for words in ([*said, value], [*said[:-1], f"{said[-1]}={value}"]):
            with pytest.raises(UsageError, match=rf"^--{flag} {value}: ."):
                translate(words)
        return
    if ours[:1] != [f"--{flag}"]:
        assert (
            translate([*said, value]) == translate([*said[:-1], f"{said[-1]}={value}"]) == ["--task", "pretrain", *ours]
        )
    command = RunCommand()
    with click.Context(command, obj=State()) as context:
        command.parse_args(context, [*said, "CPU" if flag == "device_target" else value])
    assert context.args == []


def test_flags_that_pretraining_says_nothing_with():
    for said in (
        *(
            "--num_samples=None",
            "--num_samples=",
            "--eval_ckpt=",
            "--enable_modelarts=False",
            "--enable_profiling=false",
        ),
        *("--use_relative_positions=False", "--train_with_eval=", "--eval_samples="),
    ):
        assert translate(["--task", "pretrain", said]) == ["--task", "pretrain"]


def test_each_network_of_the_reference_has_its_own_batch_size_which_counts_instead_of_another():
    sizes = ["--base_batch_size=256", "--large_batch_size", "24", "--batch_size", "4", "--nezha-batch-size", "96"]
    for network, size in (("base", "256"), ("large", "24"), ("nezha", "96"), ("large_boost", "4")):
        translated = translate(["--task=pretrain", "--bert_network", network, *sizes])
        assert [translated[place + 1] for place, word in enumerate(translated) if word.startswith("--batch")] == [size]
    both = translate(["--task", "pretrain", "--accumulation_steps=2", "--eval_samples=1000", *sizes])
    assert both[2:] == ["--accumulate", "2", "--eval-every", "2", "--batch-size", "512"]
    boost = ["--model", "bert-large", "--hidden-act", "fast_gelu"]
    assert translate(["--bert_network", "large_boost"]) == boost


def test_a_loss_scale_of_the_reference_counts_where_it_is_switched_on():
    value, on, off = "--loss_scale_value=1024", "--enable_lossscale=true", "--enable_lossscale=false"
    assert translate([value, on]) == translate([on, value]) == ["--loss-scale", "1024"]
    assert translate([value, off]) == translate([off, value]) == ["--loss-scale", "1"]


def test_thor_is_refused_with_what_there_is():
    with pytest.raises(UsageError, match="--optimizer Thor: there is no such optimizer here; say lamb or adamw"):
        translate(["--optimizer", "Thor"])


@pytest.mark.parametrize("flag", sorted({*REFERENCE} - UNCHANGED))
def test_an_empty_value_of_the_reference_says_nothing(flag):
    assert translate([f"--{flag}", "", "--task", "ner"]) == ["--task", "ner"]
    assert translate([f"--{flag}="]) == []


def test_as_many_steps_as_the_epochs_have_is_said_with_minus_one():
    assert translate(["--train_steps=-1"]) == translate(["--train_steps", "-1"]) == []


def test_accumulation_steps_count_batches_and_not_parts_of_one():
    """The reference's batch is that of a micro-step."""
    assert translate(["--accumulation_steps", "4"]) == ["--accumulate", "4", "--batch-size", "128"]
    for said in (["--train_batch_size", "16"], ["--batch-size=16"], ["--batch_size", "16"]):
        assert translate([*said, "--accumulation_steps=4"]) == ["--accumulate", "4", "--batch-size", "64"]
    assert translate(["--accumulation_steps", "four"]) == ["--accumulate", "four"]


def test_the_optimizers_of_the_reference_are_ours():
    assert translate(["--optimizer", "AdamWeightDecay"]) == ["--optimizer", "adamw-modelzoo"]
    assert translate(["--optimizer", "AdamWerigtDecayDynamicLR"]) == ["--optimizer", "adamw-modelzoo"]
    assert translate(["--optimizer=sgd"]) == ["--optimizer", "sgd"]
    assert translate(["--enable_lossscale", "false"]) == ["--loss-scale", "1"]


def test_a_preset_of_an_optimizer_sets_its_constants_and_the_command_line_wins(plan):
    options = plan(*NER, "--optimizer", "adamw-modelzoo", "--weight-decay", "0.5").options("optimizer")
    assert (options.epsilon, options.bias_correction, options.weight_decay) == (1e-6, False, 0.5)
    tables = plan(*NER, "--optimizer", "lamb_modelzoo-boost").tables()
    assert tables["optimizer"]["name"] == "lamb-modelzoo-boost"
    assert tables["optimizer"]["beta1"] == 0.86
    Path("run.toml").write_text(tomli_w.dumps(tables), encoding="utf-8")
    assert plan("--config", "run.toml").tables() == tables


def test_devices_share_a_batch_where_training_is_distributed():
    assert translate(["--device_num=8"]) == []  # the reference reads it with --distribute=true only
    assert translate(["--distribute", "false", "--device_num", "8"]) == []
    assert translate(["--distribute=true", "--device_num=8"]) == ["--devices", "8", "--batch-size", "256"]
    both = ["--distribute", "TRUE", "--device_num", "2", "--accumulation_steps", "3", "--train_batch_size", "10"]
    assert translate(both) == ["--devices", "2", "--accumulate", "3", "--batch-size", "60"]
    with pytest.raises(UsageError, match="--distribute must be true or false, not 'yes, please'"):
        translate(["--distribute", "yes, please"])


@pytest.mark.parametrize("flag", [*FLAGS, *OF_TASK["pretrain"]])
def test_a_flag_of_the_reference_without_a_value_is_an_error(flag):
    for arguments in ([f"--{flag}"], [f"--{flag}", "--seed", "1"]):
        with pytest.raises(UsageError, match=f"--{flag} needs a value"):
            translate(["--task", "pretrain", *arguments])


@pytest.mark.parametrize("flag", ["do_train", "do_eval", "use_crf", "train_data_shuffle", "with_lstm"])
def test_a_switch_of_the_reference_takes_true_and_false_as_it_wrote_them(flag):
    (on,), (off,) = translate([f"--{flag}", "true"]), translate([f"--{flag}", "false"])
    assert off == f"--no-{on[2:]}"
    assert translate([f"--{flag}=True"]) == [on]
    assert translate([f"--{flag}", "FALSE"]) == [off]
    with pytest.raises(UsageError, match=f"--{flag} must be true or false, not 'maybe'"):
        translate([f"--{flag}", "maybe"])


@pytest.mark.parametrize(("trains", "taken"), [([], "a"), (["--do_train", "True"], "a"), (["--do_train=false"], "b")])
def test_of_two_paths_to_weights_the_one_that_the_reference_reads_counts(trains, taken):
    old = ["--load_pretrain_checkpoint_path", "a", *trains, "--load-finetune-checkpoint-path=b"]
    assert [word for word in translate(old) if "train" not in word] == ["--weights", taken]


def test_a_metric_of_the_reference_that_is_none_is_an_error():
    with pytest.raises(UsageError, match=r"--assessment_method must be one of f1, .*, not 'f2'"):
        translate(["--assessment_method", "f2"])


def test_an_old_command_line_runs_as_it_is(plan):
    decided = plan(
        *("--task", "ner", "--device_target", "CPU", "--do_train", "true", "--use_crf", "true"),
        *("--train_data_file_path", "x.tfrecord", "--schema_file_path", "s.json", "--vocab_file_path=vocab.txt"),
        *("--do_eval=false", "--epoch_num=2", "--load_pretrain_checkpoint_path", "", "--assessment_method", "F1"),
    )
    run, task = decided.run, decided.options("task")
    assert (decided.choices["device"].name, run.train, run.eval, run.epochs) == ("cpu", True, False, 2)
    assert (run.train_data, run.vocab, run.weights) == (Path("x.tfrecord"), Path("vocab.txt"), None)
    assert (task.crf, run.schema, task.metric) == (True, Path("s.json"), "spans")


def test_the_example_of_the_design_asks_for_ascend(install, bertrun):
    install("ner", "optimizers", "every")
    line = "--task ner --device_target Ascend --do_train true --use_crf true --train_data_file_path x.tfrecord"
    answer = bertrun(*line.split(), "--schema_file_path", "s.json")
    assert answer.code == PluginError.exit_code
    assert "no device named 'ascend'" in answer.err


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["--task", "ner", "--epocks", "3"], 2, "Did you mean '--epochs'?"),
        (["--task", "ner", "--epocks=3"], 2, "no option --epocks in this run (command line)"),
        ([*NER, "--epochs", "-1"], 2, "--epochs (command line) must be at least 1, not -1. It is: Passes"),
        ([*NER, "--epochs"], 2, "requires an argument"),
        ([*NER, "--crf=true"], 2, "error: --crf is a switch and has no value: it says yes, and --no-crf, where"),
        ([*NER, "--no-crf=1"], 2, "error: --crf is a switch and has no value"),
        ([*NER, "--foo", "-1"], 2, "error: no option --foo in this run (command line)"),
        ([*NER, "-e", "3"], 2, "error: no option -e in this run (command line)"),
        ([*NER, "-seed", "3"], 2, "error: no option -seed in this run (command line). Did you mean '--seed'?"),
        ([*NER, "-1"], 2, "unexpected argument '-1'"),
        ([*NER, "--weights", ""], 2, "error: --weights (command line) must not be an empty text. It is: Start"),
        ([*NER, "--crf", "true"], 2, "unexpected argument 'true'"),
        ([*NER, "surplus"], 2, "unexpected argument 'surplus'"),
        (["--seed", "3"], 2, "no task was chosen. Say --task with one of: ner"),
        (["--task"], 2, "requires an argument"),
        (["--task", "--help"], 2, "no task was chosen"),
        (["--task", "ner", "--model", "bert-tiny"], 2, "no vocabulary"),
        (["--config", "none.toml"], 2, "cannot read the run file none.toml: No such file or directory"),
        (["plugin"], 2, "No such command 'plugin'"),
        (["describe", "taste", "ner"], 2, "'taste' is not one of"),
        (["resume", "nowhere"], 2, "nowhere: this folder holds no run"),
        (["predict", "nowhere"], 2, "give either --text or a FILE"),
        ([*NER, "--output", "held"], 2, "held: this folder already holds a run"),
        (["eval", "nowhere", "--predictions", "no/where"], 2, "no: there is no such folder"),
        (["--task", "nerr"], 3, "no task named 'nerr'. Did you mean 'ner'? Installed: ner"),
        ([*NER, "--device", "abacus"], 3, "no device named 'abacus'. Installed: ascend, cpu, gpu"),
        (
            [*NER, "--model", "bert-bas"],
            3,
            "no model named 'bert-bas'. Did you mean 'bert-base'?",
        ),
        (["describe", "metric", "span"], 3, "Did you mean 'spans'?"),
        ([*NER, "--train-data", "none.conll"], 4, "none.conll"),
        (["--task", "ner", "--vocab", "none.txt"], 6, "none.txt"),
        (["--task", "ner", "--weights", "nowhere"], 6, "no weights named 'nowhere'"),
        (["--task", "ner", "--weights", "vocab.txt"], 6, "these are no weights in a format that is known"),
        (["eval", "nowhere"], 6, "nowhere"),
    ],
)
def test_what_is_wrong_is_said_and_has_its_exit_code(shipped, bertrun, arguments, code, why):
    held = Path("held")
    held.mkdir()
    (held / "run.toml").write_text("", encoding="utf-8")
    answer = bertrun(*arguments)
    assert why in answer.err
    assert (answer.code, answer.out) == (code, "")
    assert "Traceback" not in answer.err
    assert not Path("runs").exists()


def test_a_run_that_names_nothing_begins_with_the_weights_of_the_sample(shipped, bertrun, monkeypatch, tmp_path):
    monkeypatch.setenv("BERTRUN_CACHE", str(tmp_path / "cache"))
    answer = bertrun("--task", "ner")
    assert (answer.code, answer.out) == (6, "")
    assert "Run `bertrun weights pull minilm-l6` once" in answer.err
    for named in (["--model", "bert-tiny"], ["--train-data", "vocab.txt"]):
        assert "no vocabulary" in bertrun("--task", "ner", *named).err


def test_all_of_a_command_lines_problems_come_at_once(shipped, bertrun):
    answer = bertrun(*NER, "--epochs", "0", "--seed=x", "--tag-scheme", "iob", "--no-such", "--hidden-size", "1.5")
    assert answer.code == 2
    assert answer.err.count("\n  - ") == 5


def test_two_owners_of_an_option_stop_the_run_and_its_help(install, bertrun):
    install("clash", "optimizers", "devices")
    for arguments in (["--task", "clash"], ["--task", "clash", "--help"]):
        answer = bertrun(*arguments)
        assert answer.code == 3
        assert "--epochs belongs to both run and task" in answer.err


def test_a_broken_plugin_is_one_line_and_the_command_goes_on(install, bertrun):
    install("broken", "good")
    answer = bertrun("hello")
    assert (answer.code, answer.out) == (0, "hello\n")
    assert answer.err == "bertrun: plugin bertrun-broken 0.3 failed: RuntimeError: no such luck\n"


def test_in_strict_mode_a_broken_plugin_stops_everything(install, bertrun, monkeypatch):
    install("broken", "good")
    monkeypatch.setenv("BERTRUN_STRICT_PLUGINS", "1")
    answer = bertrun("hello")
    assert (answer.code, answer.out) == (3, "")
    assert "bertrun: error: plugin bertrun-broken 0.3 failed" in answer.err


def test_plugins_lists_what_became_of_each(install, bertrun):
    install("good", "broken", "old", "twin")
    out = bertrun("plugins", "--no-plugin", "twin").out
    for line in (
        "bertrun-broken 0.3  failed: RuntimeError: no such luck\n",
        "bertrun-old 0.0.9  incompatible: it requires bertrun<0.1, and bertrun ",
        "good  bertrun-good 1.2  loaded\n    metric: exact\n    task: echo\n    command: hello\n",
        "bertrun-twin 2.0  disabled: blocked by --no-plugin or BERTRUN_DISABLED_PLUGINS\n",
    ):
        assert line in out


def test_two_plugins_of_one_name_do_not_stop_the_list_of_plugins(install, bertrun):
    install("good", "twin")
    assert bertrun("plugins").code == 0
    assert bertrun("--help").code == 0
    assert bertrun("hello").code == 3


def test_a_command_of_a_plugin_stands_after_the_hosts(install, bertrun):
    install("good")
    commands = bertrun("--help").out.partition("Commands:")[2].partition("Examples")[0]
    names = [line.split()[0] for line in commands.splitlines() if line.strip()]
    assert (names[0], names[-1]) == ("run", "hello")


def test_an_error_of_a_plugins_command_ends_as_the_hosts_do(install, bertrun):
    install("crashing")
    answer = bertrun("refuse")
    assert (answer.code, answer.err) == (4, "bertrun: error: train.conll:3: a line without a tag. Give it one\n")


def test_a_bug_alone_prints_a_traceback(install, bertrun):
    install("crashing")
    answer = bertrun("crash")
    assert answer.code == 1
    assert answer.err.startswith("Traceback")
    assert "ZeroDivisionError: by a plugin" in answer.err
    assert answer.err.splitlines()[-1].startswith("bertrun: this is a bug")


def test_an_interrupt_is_130(install, bertrun):
    install("crashing")
    answer = bertrun("interrupt")
    assert answer.code == 130
    assert answer.err.strip() == "bertrun: interrupted"


def test_a_probe_that_fails_is_said_and_the_rest_is_described(install, bertrun):
    install("crashing")
    answer = bertrun("describe", "device", "abacus")
    assert (answer.code, answer.err) == (0, "")
    assert "device abacus (bertrun-crashing 0.3)\nBeads on rods.\n" in answer.out
    assert "not known, its probe failed: OSError: libabacus.so: cannot open shared object file\nIt comp" in answer.out


def test_weights_whose_place_a_plugin_cannot_say_are_listed_with_the_others(install, bertrun):
    install("crashing", "every")
    answer = bertrun("weights", "list")
    assert (answer.code, answer.err) == (0, "")
    listed = "the plugin of the weights 'abacus-base' fails to say where they are: OSError: libabacus.so: cannot open"
    assert f"abacus-base  (MIT)  Weights.\n    {listed} shared object file\n" in answer.out
    assert "every-weights  (MIT)  Weights.\n    the package that carries them has lost its folder" in answer.out
    assert "\nminilm-l6  " in f"\n{answer.out}"
    answer = bertrun("weights", "inspect", "abacus-base")
    assert (answer.code, answer.err) == (3, f"bertrun: error: {listed} shared object file\n")


def test_a_vocabulary_that_no_path_can_be_is_said_as_other_bad_paths_are(shipped, bertrun):
    Path("run.toml").write_text('[task]\nname = "ner"\n[run]\nvocab = "a\\u0000b"\n', "utf-8")
    answer = bertrun("--config", "run.toml")
    assert (answer.code, "--vocab (run.toml) must be a path, and no path has a NUL" in answer.err) == (2, True)


def test_the_process_ends_with_the_code_of_the_error():
    environment = {**os.environ, "PYTHONPATH": str(FAKES / "crashing"), "BERTRUN_PLUGINS": "crashing"}
    done = subprocess.run(
        [sys.executable, "-m", "bert_core.cli", "refuse"], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.count("\n")) == (4, 1)


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["-h"], ["--task", "ner", "-h"], ["run", "--help"]])
def test_questions_end_well(shipped, bertrun, arguments):
    answer = bertrun(*arguments)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out


@pytest.mark.parametrize("arguments", [["--help", "--task", "ner"], ["-h", "--task=ner"], ["--task", "ner", "-h"]])
def test_help_may_stand_before_the_run_that_it_is_asked_of(shipped, bertrun, arguments):
    assert bertrun(*arguments) == bertrun("run", "--task", "ner", "--help")


def test_help_of_nothing_more_is_that_of_all_commands(shipped, bertrun):
    page = bertrun("--help")
    assert "Commands:" in page.out
    assert bertrun("-h") == bertrun("--help", "-h") == bertrun("--help", "resume") == page


@pytest.mark.parametrize("arguments", [[], ["weights"]])
def test_without_a_word_the_help_is_shown_as_it_is(shipped, bertrun, arguments):
    answer = bertrun(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == bertrun(*arguments, "--help").out


@pytest.mark.parametrize("arguments", [["run", "--help"], ["plugins"]])
def test_a_reader_that_has_read_enough_is_no_error(arguments):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "bert_core.cli", *arguments], stdout=writing, stderr=subprocess.PIPE, check=False
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_weights_of_a_command_line_win_over_those_of_a_run_file(shipped, tmp_path):
    from bert_core.manager import PluginManager
    from bert_core.options import Layer

    for name, hidden in (("first", 64), ("second", 128)):
        (tmp_path / name).mkdir()
        text = f'{{"model_type": "bert", "hidden_size": {hidden}, "num_attention_heads": 2}}'
        (tmp_path / name / "config.json").write_text(text, encoding="utf-8")
    layers = [
        Layer(origin="command line", flat={"weights": "first"}),
        Layer(origin="run.toml", tables={"run": {"weights": "second"}}),
    ]
    assert decide(PluginManager(), {"task": "ner"}, layers).options("model").hidden_size == 64
    assert decide(PluginManager(), {"task": "ner"}, layers[1:]).options("model").hidden_size == 128


def test_a_help_page_has_no_line_wider_than_asked_and_tears_no_default(shipped, bertrun):
    page = bertrun("--task", "ner", "--help").out
    assert max(map(len, page.splitlines())) <= 100
    assert page.isascii()
    assert not [line for line in page.splitlines() if line.rstrip().endswith("[default:")]


def test_a_help_page_shows_the_defaults_of_the_task_and_of_the_size(shipped, bertrun):
    page = bertrun("--task", "ner", "--model", "bert-tiny", "--help").out
    assert "Passes over the training data.  [default: 5]" in page
    assert "Width of the vectors between layers.  [default: 128]" in page


@pytest.mark.parametrize(
    ("words", "evaluated"),
    [
        ("--eval_json_path dev.json", "dev.json"),
        ("--eval_data_file_path dev.mindrecord", "dev.mindrecord"),
        ("--eval_data_file_path dev.mindrecord --eval_json_path dev.json", "dev.json"),
        ("--eval_json_path= --eval_data_file_path=dev.mindrecord", "dev.mindrecord"),
    ],
)
def test_the_json_of_run_squad_is_what_is_scored(words, evaluated):
    assert translate(words.split()) == ["--eval-data", evaluated]


def test_the_line_of_help_of_a_command_is_its_own():
    ctx = click.Context(driver)
    for name, (_, line) in COMMANDS.items():
        command = driver.get_command(ctx, name)
        assert command.name == name
        assert command.get_short_help_str(200) == line
