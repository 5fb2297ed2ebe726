"""The flags of the MindSpore ModelZoo's BERT scripts, and what each of them means here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from bert_core.errors import UsageError
from bert_core.options import FALSE, TRUE

from .arguments import peek, spelled

Rule = Callable[[str, str], list[str]]


def _renamed(flag: str) -> Rule:
    return lambda _, value: [flag, value] if value else []


def _lowered(flag: str) -> Rule:
    return lambda _, value: [flag, value.lower()] if value else []


def _switch(on: str, off: str) -> Rule:
    def rule(old: str, value: str) -> list[str]:
        if not value:
            return []
        if value.lower() in TRUE:
            return [on]
        if value.lower() in FALSE:
            return [off]
        raise UsageError(f"--{old} must be true or false, not {value!r}")

    return rule


def _accepted(_old: str, _value: str) -> list[str]:
    return []


def _only(*values: str, instead: str) -> Rule:
    def rule(old: str, value: str) -> list[str]:
        if value and value.lower() not in values:
            raise UsageError(f"--{old} {value}: {instead}")
        return []

    return rule


def _checked(old: str, value: str) -> list[str]:
    """A switch that says how another flag is read."""
    _switch("", "")(old, value)
    return []


def _loss_scale(old: str, value: str) -> list[str]:
    """What its `enable_lossscale` begins with, where nothing else is said."""
    switched = _switch("65536", "1")(old, value)
    return ["--loss-scale", *switched] if switched else []


def _reduced(old: str, value: str) -> list[str]:
    switched = _switch("after", "each")(old, value)
    return ["--reduce", *switched] if switched else []


def _refused(instead: str) -> Rule:
    def rule(old: str, value: str) -> list[str]:
        if not value or value.lower() == "none":
            return []
        raise UsageError(f"--{old} {value}: {instead}")

    return rule


def _type(flag: str) -> Rule:
    return lambda _, value: [flag, value.removeprefix("mstype.")] if value else []


def _network(_old: str, value: str) -> list[str]:
    names = {"base": "bert-base", "large": "bert-large", "large_boost": "bert-large", "nezha": "nezha-base"}
    boost = ["--hidden-act", "fast_gelu"] if value.lower() == "large_boost" else []
    return ["--model", names.get(value.lower(), value), *boost] if value else []


def _optimizer(old: str, value: str) -> list[str]:
    """Its names, with its constants; names of ours pass through, those of others are refused with ours."""
    if value.lower() == "thor":
        raise UsageError(f"--{old} {value}: there is no such optimizer here; say lamb or adamw")
    names = {
        "Lamb": "lamb-modelzoo",
        "AdamWeightDecay": "adamw-modelzoo",
        "AdamWeightDecayDynamicLR": "adamw-modelzoo",
        "AdamWerigtDecayDynamicLR": "adamw-modelzoo",  # so its README spells it
        "Momentum": "momentum",
    }
    if value in names:
        return ["--optimizer", names[value]]
    return ["--optimizer", value.lower()] if value else []


def _steps(_old: str, value: str) -> list[str]:
    """-1 is the reference's word for as many as the epochs have."""
    return ["--max-steps", value] if value not in ("", "-1") else []


def _method(metrics: Mapping[str, str]) -> Rule:
    def rule(old: str, value: str) -> list[str]:
        if not value:
            return []
        if value.lower() not in metrics:
            raise UsageError(f"--{old} must be one of {', '.join(metrics)}, not {value!r}")
        return ["--metric", metrics[value.lower()]]

    return rule


_SPANS = {"f1": "spans", "bf1": "spans", "mf1": "spans", "accuracy": "tokens", "clue_benchmark": "cluener"}
_CLASSES = {"accuracy": "accuracy", "f1": "f1", "mcc": "mcc", "spearman_correlation": "spearman-correlation"}


def _class_method(old: str, value: str) -> list[str]:
    """The score; that of numbers says also that labels are numbers, as it does in the reference."""
    chosen = _method(_CLASSES)(old, value)
    return [*chosen, "--regression"] if "spearman-correlation" in chosen else chosen


# The README of the reference lists these for run_ner, run_classifier and run_squad alike; later releases
# of it added the second half.
FLAGS: Mapping[str, Rule] = {
    "device_target": _lowered("--device"),
    "do_train": _switch("--train", "--no-train"),
    "do_eval": _switch("--eval", "--no-eval"),
    "assessment_method": _method(_SPANS),
    "use_crf": _switch("--crf", "--no-crf"),
    "epoch_num": _renamed("--epochs"),
    "vocab_file_path": _renamed("--vocab"),
    "label2id_file_path": _renamed("--label-file"),
    "label_file_path": _renamed("--label-file"),
    "train_data_shuffle": _switch("--shuffle", "--no-shuffle"),
    "eval_data_shuffle": _accepted,  # scores are of a whole set, so its order changes nothing
    "save_finetune_checkpoint_path": _renamed("--output"),
    "load_pretrain_checkpoint_path": _renamed("--weights"),
    "load_finetune_checkpoint_path": _renamed("--weights"),
    "train_data_file_path": _renamed("--train-data"),
    "eval_data_file_path": _renamed("--eval-data"),
    "eval_json_path": _renamed("--eval-data"),
    "schema_file_path": _renamed("--schema"),
    # Records are known by their content; said of both files, it would refuse the JSON that run_squad scores with.
    "dataset_format": _only("tfrecord", "mindrecord", instead="it is tfrecord or mindrecord, or say --data-format"),
    "with_lstm": _switch("--bilstm", "--no-bilstm"),
    "train_batch_size": _renamed("--batch-size"),
    "use_pynative_mode": _accepted,  # how the reference computes; a run here is always a compiled graph
    # Those of run_pretrain
    "epoch_size": _renamed("--epochs"),
    "train_steps": _steps,
    "do_shuffle": _switch("--shuffle", "--no-shuffle"),
    "data_dir": _renamed("--train-data"),
    "schema_dir": _renamed("--schema"),
    "save_checkpoint_path": _renamed("--output"),
    "load_checkpoint_path": _renamed("--weights"),
    "save_checkpoint_steps": _renamed("--save-every"),
    "save_checkpoint_num": _renamed("--keep"),
    "enable_save_ckpt": _switch("--save", "--no-save"),
    "enable_lossscale": _loss_scale,
    "loss_scale_value": _renamed("--loss-scale"),
    "scale_factor": _renamed("--loss-scale-factor"),
    "scale_window": _renamed("--loss-scale-window"),
    "accumulation_steps": _renamed("--accumulate"),
    "allreduce_post_accumulation": _reduced,
    "enable_data_sink": _accepted,  # how batches reach the device changes no number
    "data_sink_steps": _accepted,
    "distribute": _checked,
    "device_num": _renamed("--devices"),
    "bert_network": _network,
    "optimizer": _optimizer,
}
# Said with `accumulation_steps` or `device_num`, a batch is one of several in an update: ours are all of them together.
BATCHES = ("--batch-size", "--train_batch_size", "--train-batch-size", "--batch_size")
BATCH = 32  # of the reference, where no size is said
NETWORKS = ("base", "nezha", "large", "large_boost")  # of `bert_network`; each has a batch size of its own
# What a flag means where the command line names this task.
OF_TASK: Mapping[str, Mapping[str, Rule]] = {
    "classifier": {"assessment_method": _class_method, "num_class": _renamed("--num-labels")},
    "squad": {"num_class": _accepted},  # the reference lists it, and has two scores for a piece whatever it says
    "pretrain": {
        "train_with_eval": _switch("--eval", "--no-eval"),
        "eval_data_dir": _renamed("--eval-data"),
        "eval_ckpt": _refused("that is `bertrun eval RUN --eval-data DATA`, or here --no-train --weights"),
        "schema_file": _renamed("--schema"),
        "num_samples": _refused("rows are not counted off here; `bertrun data split` makes a smaller file"),
        "enable_global_norm": _only(
            *TRUE, instead="gradients are clipped by their norm over all tensors; --clip-norm says at which, 0 at none"
        ),
        "enable_graph_kernel": _accepted,  # how the reference computes
        "description": _accepted,  # which of its scripts it is; here --task is
        "config_path": _refused("its YAML is not read here; say its values as options, or in a run file for --config"),
        "enable_modelarts": _only(*FALSE, instead="nothing is copied from there; name local files"),
        **dict.fromkeys(("data_url", "train_url", "checkpoint_url"), _accepted),  # read with `enable_modelarts`
        **dict.fromkeys(("data_path", "output_path", "load_path"), _accepted),  # the same
        "enable_profiling": _only(*FALSE, instead="nothing is profiled here; metrics.jsonl has the time of each step"),
        # Of its configuration, whose other names are ours too
        "seq_length": _renamed("--max-length"),
        "compute_type": _type("--compute-dtype"),
        "dtype": _type("--dtype"),
        "use_relative_positions": _only(*FALSE, instead="relative positions are those of --model nezha-base"),
        "warmup_steps": _renamed("--warmup"),
        "eps": _renamed("--epsilon"),
        "decay_steps": _refused("a schedule ends with the run here; --max-steps says when"),
        "end_learning_rate": _refused("say --end-share, which is its share of --learning-rate"),
    },
}


def translate(arguments: Sequence[str]) -> list[str]:
    """A command line with each flag of the reference in its new form; everything else as it is.

    Raises:
        UsageError: A flag of the reference has no value, or one that it cannot have.
    """
    task = peek(arguments, "task") or ""
    flags = {**FLAGS, **OF_TASK.get(task, {})}
    arguments = _of_network(arguments) if task == "pretrain" else arguments
    words = list(_read(iter(arguments), flags))
    said = {word[0]: word[1] for word in words if not isinstance(word, str)}
    unused = {_unused_weights(said), _unused_data(said), _unused_number(said), _unused_scale(said)}
    parts = [said[name] for name in ("accumulation_steps", "device_num") if said.get(name) and name not in unused]
    if parts:
        arguments = _whole_batches(arguments, parts)
        words = list(_read(iter(arguments), flags))
    if task == "pretrain":
        flags["eval_samples"] = _every(_size(arguments))
        words = list(_read(iter(arguments), flags))
    translated: list[str] = []
    for word in words:
        if isinstance(word, str):
            translated.append(word)
        elif word[0] not in unused:
            translated += flags[word[0]](*word)
    return translated


def _whole_batches(arguments: Sequence[str], parts: Sequence[str]) -> list[str]:
    """The command line with the size of all micro-batches of all devices together."""
    size = _size(arguments)
    if not all(text.isdecimal() for text in (*parts, size)):
        return list(arguments)  # whoever owns the option says what is wrong
    return _of_size(arguments, str(math.prod(map(int, (*parts, size)))))


def _size(arguments: Sequence[str]) -> str:
    """The size of a batch that a command line says."""
    words = spelled(arguments)
    sizes = [value for name in ("batch-size", "train-batch-size") if (value := peek(words, name)) is not None]
    return sizes[-1] if sizes else str(BATCH)


def _of_size(arguments: Sequence[str], size: str) -> list[str]:
    """The command line with another size of its batches."""
    kept: list[str] = []
    rest = iter(arguments)
    for word in rest:
        if word.partition("=")[0] not in BATCHES:
            kept.append(word)
        elif "=" not in word:
            next(rest, None)
    return [*kept, "--batch-size", size]


def _of_network(arguments: Sequence[str]) -> list[str]:
    """The command line with the batch size of the network that it names, which counts instead of `batch_size`."""
    sizes = dict.fromkeys((f"{network}_batch_size" for network in NETWORKS), "")
    kept: list[str] = []
    for word in _read(iter(arguments), dict.fromkeys(sizes, _accepted)):
        if isinstance(word, str):
            kept.append(word)
        else:
            sizes[word[0]] = word[1]
    network = (peek(spelled(arguments), "bert-network") or NETWORKS[0]).lower()
    size = sizes.get(f"{network}_batch_size")
    return _of_size(kept, size) if size else kept


def _every(size: str) -> Rule:
    """Training examples between two scores, as updates of batches of a size."""

    def rule(_: str, value: str) -> list[str]:
        if value.isdecimal() and size.isdecimal():
            value = str(max(1, math.ceil(int(value) / max(1, int(size)))))
        return ["--eval-every", value] if value else []

    return rule


def _read(arguments: Iterator[str], flags: Mapping[str, Rule]) -> Iterator[str | tuple[str, str]]:
    """Each flag of the reference with its value, and every other word as it is."""
    for argument in arguments:
        name, equals, value = argument.removeprefix("--").partition("=")
        flag = name.replace("-", "_")
        if not argument.startswith("--") or flag not in flags:
            yield argument
            continue
        if not equals:
            value = next(arguments, "--")
            if value.startswith("--"):
                raise UsageError(f"--{name} needs a value")
        yield flag, value


def _unused_weights(said: Mapping[str, str]) -> str | None:
    """Of two paths to weights, the one that the reference does not read: it trains from one and evaluates the other."""
    paths = ("load_finetune_checkpoint_path", "load_pretrain_checkpoint_path")
    if not all(said.get(path) for path in paths):
        return None
    return paths[said.get("do_train", "true").lower() not in TRUE]


def _unused_number(said: Mapping[str, str]) -> str | None:
    """The number of devices, which the reference reads where training is distributed."""
    return None if said.get("distribute", "false").lower() in TRUE else "device_num"


def _unused_scale(said: Mapping[str, str]) -> str | None:
    """Of a loss scale that is switched off and its value, the value; of one that is switched on, the switch."""
    if not said.get("loss_scale_value") or not said.get("enable_lossscale"):
        return None
    return "enable_lossscale" if said["enable_lossscale"].lower() in TRUE else "loss_scale_value"


def _unused_data(said: Mapping[str, str]) -> str | None:
    """Of two files to score with, the records of `run_squad`: its scores need the texts, which the other one has."""
    return "eval_data_file_path" if said.get("eval_data_file_path") and said.get("eval_json_path") else None
