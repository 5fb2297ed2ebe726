"""What goes wrong is said in one sentence, with the right exit code, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bert_core.cli.main import run

Command = Callable[..., list[str]]
USAGE, PLUGIN, DATA, DEVICE, CHECKPOINT, BUSY = 2, 3, 4, 5, 6, 8


class Case(NamedTuple):
    """Options after those of a run that would work, with {d} for the data's folder and {t} for the test's own."""

    options: str
    code: int
    said: str
    content: str | bytes = ""


CASES = {
    "no data file": Case("--train-data {t}/none", DATA, "{t}/none: there is no such file"),
    "no evaluation file": Case("--eval-data {t}/none", DATA, "{t}/none: there is no such file"),
    "an empty file": Case("--train-data {t}/file", DATA, "{t}/file: the file is empty", "\n"),
    "a folder": Case(
        "--eval-data {d}", DATA, "{d}: this is a folder, not a file. Name one of the files in it."
    ),
    "another encoding": Case(
        "--train-data {t}/file",
        DATA,
        "{t}/file:2: the byte 0xb1 at offset 4 is not UTF-8. "
        "Convert the file, for example with `iconv -f gb18030 -t utf-8`.",
        "a O\n北京 B-LOC\n".encode("gb18030"),
    ),
    "a ragged line": Case(
        "--train-data {t}/file",
        DATA,
        "{t}/file:2: the line has 1 column, the lines before have 2. Columns are separated by blanks in this file.",
        "a O\nb\n",
    ),
    "an unknown prefix": Case(
        "--train-data {t}/file",
        DATA,
        "{t}/file:2: the tag 'X-PER' begins with 'X', which is none of the prefixes B, I, E, S, M, L, U. "
        "Tags are O, a plain label, or a prefix and a type such as B-PER.",
        "a O\nb X-PER\n",
    ),
    "a type that was not trained": Case(
        "--eval-data {t}/file",
        DATA,
        "{t}/file:3: this sentence has DATE; the file's types are DATE, PER, "
        "and the model knows LOC, ORG, PER, PROD. Rename the types, or train on data that has them all",
        "a B-PER\n\nb B-DATE\n",
    ),
    "a broken scheme": Case(
        "--train-data {t}/file",
        DATA,
        "{t}/file:2: the tag 'S-PER' may not follow 'B-PER' in BIOES. 2 tags break the rules of BIOES in 3 spans.",
        "a B-PER\nb S-PER\nc O\n\nd E-PER\n",
    ),
    "two schemes": Case(
        "--train-data {t}/file",
        DATA,
        "{t}/file:3: no tag scheme has both 'L-PER' and 'M-PER' of line 2. "
        "One file has one scheme: IOB, BIOES, BMES or BILOU.",
        "a B-PER\nb M-PER\nc L-PER\n",
    ),
    "no tags": Case(
        "--train-data {t}/file",
        DATA,
        "{t}/file:1: this sentence is not annotated. `bertrun predict` needs no tags",
        "a\nb\n",
    ),
    "no entities": Case(
        "--train-data {t}/file",
        DATA,
        "no sentence of the training data has an entity. Is --tag-column right?",
        "a O\nb O\n",
    ),
    "no label file": Case(
        "--label-file {t}/none", DATA, "{t}/none: the label file cannot be read: No such file or directory"
    ),
    "a label file that is too deep": Case(
        "--label-file {t}/file", DATA, "{t}/file: the label file is not JSON: too deep", '{"a":' * 99999
    ),
    "a number that is too long": Case(
        "--train-data {t}/file",
        DATA,
        "{t}/file:1: the line is not JSON: a number with too many digits. "
        'A line is {{"text": "...", "label": {{TYPE: {{MENTION: [[FIRST, LAST], ...]}}}}}}; the last character counts.',
        '{"text": "a", "id": ' + "7" * 5000 + "}\n",
    ),
    "an LSTM of half an odd width": Case(
        "--bilstm --dry-run --hidden-size 15 --num-attention-heads 1",
        USAGE,
        "--bilstm gives each direction half of --hidden-size, and 15 is odd. "
        "Leave --bilstm out, or take a model of an even width",
    ),
    "a switch with a value": Case(
        "--crf=true",
        USAGE,
        "--crf is a switch and has no value: it says yes, and --no-crf, where there is one, says no",
    ),
    "an unknown option with a value": Case(
        "--foo -1", USAGE, "no option --foo in this run (command line). Did you mean '--crf'?"
    ),
    "no such column": Case(
        "--tag-column 7",
        USAGE,
        "{d}/train.conll: the tag is looked for in column 7, but line 1 has 2 columns. "
        "Columns count from 0, or from -1 backwards.",
    ),
    "more pieces than embeddings": Case(
        "--vocab-size 50",
        CHECKPOINT,
        "{d}/vocab.txt: the vocabulary has {pieces} pieces and the model 50 word embeddings. "
        "Use the vocabulary of the weights, or say --vocab-size {pieces} to train from scratch",
    ),
    "a vocabulary without [UNK]": Case(
        "--vocab {t}/file",
        CHECKPOINT,
        "{t}/file: the vocabulary of 3 pieces has no [UNK]. Is it the vocab.txt of a BERT?",
        "[PAD]\n[CLS]\n[SEP]\n",
    ),
    "no vocabulary": Case(
        "--vocab {t}/none",
        CHECKPOINT,
        "{t}/none: cannot read the vocabulary: No such file or directory. "
        "Give the vocab.txt that belongs to the weights",
    ),
    "weights by a name that nothing has": Case(
        "--weights minilm-l7",
        CHECKPOINT,
        "there is no folder or file and there are no weights named 'minilm-l7'. "
        "Did you mean 'minilm-l6'? Weights with a name: minilm-l6",
    ),
    "windows longer than the model": Case(
        "--max-length 65",
        USAGE,
        "--max-length 65 is more than the model's 64 positions. "
        "Say --max-length 64; longer texts go through overlapping windows",
    ),
    "a number out of range": Case(
        "--epochs -1",
        USAGE,
        "--epochs (command line) must be at least 1, not -1. It is: Passes over the training data.",
    ),
    "no number": Case(
        "--epochs two",
        USAGE,
        "--epochs (command line) must be a whole number, not 'two'. It is: Passes over the training data.",
    ),
    "a device that is not there": Case(
        "--device-id 1",
        DEVICE,
        "there is no 'cpu' 1 here, only 1 of them, counted from 0. Leave out --device-id, or give a smaller one",
    ),
    "an unknown option": Case(
        "--leaning-rate 1",
        USAGE,
        "no option --leaning-rate in this run (command line). Did you mean '--learning-rate'?",
    ),
    "an unknown task": Case("--task nre", PLUGIN, "no task named 'nre'. Did you mean 'ner'? Installed: "),
    "an unknown model": Case("--model bert-tny", PLUGIN, "no model named 'bert-tny'. Did you mean 'bert-tiny'?"),
    "a batch that cannot be cut": Case(
        "--accumulate 3",
        USAGE,
        "--batch-size 10 cannot be cut into --accumulate 3 equal micro-batches",
    ),
    "nothing to do": Case(
        "--no-train --no-eval --weights {t}", USAGE, "--no-train and --no-eval together leave nothing to do"
    ),
    "an output below a file": Case(
        "--output {d}/vocab.txt/run",
        USAGE,
        "{d}/vocab.txt/run: cannot be made: this is a file: {d}/vocab.txt. Choose another --output",
    ),
    "an output that is a file": Case(
        "--output {d}/vocab.txt",
        USAGE,
        "{d}/vocab.txt: this is a file, and a run needs a folder. Choose another --output",
    ),
    "records": Case(
        "--data-format tfrecord",
        DATA,
        "{d}/train.conll: this is text, and --data-format says tfrecord",
    ),
    "no run file": Case(
        "--config {t}/none", USAGE, "cannot read the run file {t}/none: No such file or directory"
    ),
}  # fmt: skip


@pytest.fixture
def sentence(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """The exit code of a command line and the one sentence on its stderr."""

    def sentence(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = run(arguments)
        said = capsys.readouterr().err
        assert said.startswith("bertrun: error: "), said
        assert said.count("\n") == 1, said
        return code, said.removeprefix("bertrun: error: ").removesuffix("\n")

    return sentence


def bytes_of(folder: Path) -> dict[str, Any]:
    """Everything in a folder: the bytes of files, the targets of links, and when each was changed."""
    return {
        str(path.relative_to(folder)): (
            os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None,
            path.lstat().st_mtime_ns,
        )
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """A finished run that may be spoilt."""
    return Path(shutil.copytree(finished, tmp_path / "copied", symlinks=True))


@pytest.mark.parametrize("name", CASES)
def test_a_run_that_cannot_be_is_refused_before_it_begins(
    name: str, command: Command, data: Path, tmp_path: Path, sentence: Any
) -> None:
    case = CASES[name]
    content = case.content if isinstance(case.content, bytes) else case.content.encode("utf-8")
    (tmp_path / "file").write_bytes(content)
    pieces = len((data / "vocab.txt").read_text(encoding="utf-8").splitlines())
    places = {"t": tmp_path, "d": data, "pieces": pieces}
    before = bytes_of(data)
    code, said = sentence(*command(tmp_path / "run", *case.options.format(**places).split()))
    assert said.startswith(case.said.format(**places)), said
    assert said == case.said.format(**places) or "Installed: " in said
    assert code == case.code
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert bytes_of(data) == before


def test_all_contradictions_are_said_at_once(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command(tmp_path / "run", "--accumulate", "3", "--no-train", "--no-eval")) == USAGE
    assert capsys.readouterr().err == (
        "bertrun: error: 3 problems with this configuration:\n"
        "  - --batch-size 10 cannot be cut into --accumulate 3 equal micro-batches\n"
        "  - --no-train and --no-eval together leave nothing to do\n"
        "  - --no-train evaluates the weights that --weights names, and none are named\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_weights_of_another_size_than_the_model_that_is_named(
    finished: Path, command: Command, tmp_path: Path, sentence: Any
) -> None:
    code, said = sentence(*command(tmp_path / "run", "--weights", str(finished), "--model", "bert-tiny"))
    assert code == USAGE
    assert said.startswith("--model bert-tiny is not what the weights are of: they have vocab_size ")
    assert said.endswith(
        "hidden_size 16 and not 128, num_hidden_layers 1 and not 2, intermediate_size 24 and not 512. Leave out --model"
    )


def test_a_vocabulary_that_is_not_that_of_the_weights(
    finished: Path, command: Command, data: Path, tmp_path: Path, sentence: Any
) -> None:
    other = tmp_path / "other.txt"
    pieces = (data / "vocab.txt").read_text(encoding="utf-8").splitlines()
    other.write_text("\n".join([*pieces[:-2], pieces[-1], pieces[-2]]) + "\n", encoding="utf-8")
    code, said = sentence(*command(tmp_path / "run", "--weights", str(finished), "--vocab", str(other)))
    assert (code, said.startswith(f"{other}: this is not the vocabulary of the weights, ")) == (CHECKPOINT, True)


def test_names_that_are_too_long_for_a_path(command: Command, tmp_path: Path, sentence: Any) -> None:
    name = "x" * 300
    assert sentence(*command(tmp_path / name)) == (
        USAGE,
        f"{tmp_path / name}: cannot be a folder: File name too long. Choose another --output",
    )
    assert sentence(*command(tmp_path / "run", "--weights", name)) == (
        CHECKPOINT,
        f"{name}: cannot look for the weights: File name too long",
    )


def test_data_to_train_on_where_nothing_is_trained(
    finished: Path, command: Command, tmp_path: Path, sentence: Any
) -> None:
    arguments = command(tmp_path / "run", "--no-train", "--weights", str(finished))
    place = arguments.index("--eval-data")
    del arguments[place : place + 2]
    assert sentence(*arguments) == (
        USAGE,
        "there is nothing to do: no data to train on and none to score. Give --eval-data",
    )


def test_data_to_score_and_none_to_train_on(command: Command, tmp_path: Path, sentence: Any) -> None:
    arguments = command(tmp_path / "run")
    place = arguments.index("--train-data")
    del arguments[place : place + 2]
    assert sentence(*arguments) == (
        USAGE,
        "there is data to evaluate on and none to train on. "
        "Give --train-data too, or --no-train to score what --weights names",
    )
    assert list(tmp_path.iterdir()) == []


def test_a_weights_folder_without_tensors(command: Command, finished: Path, tmp_path: Path, sentence: Any) -> None:
    weights = Path(shutil.copytree(finished / "best", tmp_path / "weights"))
    (weights / "model.safetensors").unlink()
    assert sentence(*command(tmp_path / "run", "--weights", str(weights))) == (
        CHECKPOINT,
        f"{weights}: there are no weights in this folder. Read are safetensors, PyTorch's .bin, "
        "TensorFlow's .index and .data, and MindSpore's .ckpt",
    )
    assert not (tmp_path / "run").exists()


def test_weights_of_another_size(command: Command, finished: Path, tmp_path: Path, sentence: Any) -> None:
    code, said = sentence(*command(tmp_path / "run", "--weights", str(finished), "--hidden-size", "32"))
    file = finished / "best" / "model.safetensors"
    assert code == CHECKPOINT
    assert said.startswith(f"{file}: the weights do not fit the model: bert.embeddings.word_embeddings.weight is (")
    assert f", 16) in {file} and (" in said
    assert ", 32) in the model; " in said
    assert said.endswith("; and 18 more. Choose the model that the config.json beside the weights describes")
    assert not (tmp_path / "run").exists()


def test_an_output_that_holds_a_run_stays_as_it_is(command: Command, copied: Path, sentence: Any) -> None:
    before = bytes_of(copied)
    assert sentence(*command(copied)) == (
        USAGE,
        f"{copied}: this folder already holds a run. `bertrun resume {copied}` goes on with it, "
        "--overwrite replaces it, --output chooses another place",
    )
    assert sentence(*command(copied, "--overwrite", "--train-data", f"{copied}/none"))[0] == DATA
    assert bytes_of(copied) == before, "a run that cannot begin replaces nothing"


def test_overwrite_replaces_the_run(command: Command, copied: Path) -> None:
    (copied / "log.txt").write_text("of the old run\n", encoding="utf-8")
    assert run(command(copied, "--overwrite", "--max-steps", "1", "--no-eval", "--quiet")) == 0
    assert [path.name for path in (copied / "checkpoints").iterdir()] == ["step-00000001"]
    assert "of the old run" not in (copied / "log.txt").read_text(encoding="utf-8")
    assert not (copied / "predictions.jsonl").exists()


@pytest.mark.parametrize("more", [[], ["--overwrite"]], ids=["plainly", "with --overwrite"])
def test_an_output_that_holds_something_else_stays_as_it_is(
    more: list[str], command: Command, tmp_path: Path, sentence: Any
) -> None:
    (tmp_path / "thesis.tex").write_text("x", encoding="utf-8")
    before = bytes_of(tmp_path)
    assert sentence(*command(tmp_path, *more)) == (
        USAGE,
        f"{tmp_path}: this folder holds something other than a run. Choose another --output",
    )
    assert bytes_of(tmp_path) == before


@pytest.fixture
def locked(copied: Path) -> Iterator[Path]:
    owner = {"pid": os.getppid(), "host": socket.gethostname()}
    (copied / "lock.json").write_text(json.dumps(owner), encoding="utf-8")
    before = bytes_of(copied)
    yield copied
    assert bytes_of(copied) == before


@pytest.mark.parametrize("how", ["output", "overwrite", "resume"])
def test_a_run_that_another_process_writes_is_left_alone(
    how: str, command: Command, locked: Path, sentence: Any
) -> None:
    lines = {"output": command(locked), "overwrite": command(locked, "--overwrite"), "resume": ["resume", str(locked)]}
    assert sentence(*lines[how]) == (
        BUSY,
        f"{locked}: process {os.getppid()} on {socket.gethostname()} is writing this run. "
        "Wait for it, or stop it; if there is no such process, delete lock.json",
    )


@pytest.mark.parametrize("name", ["predict", "eval", "resume"])
def test_a_folder_that_is_no_run(name: str, tmp_path: Path, sentence: Any) -> None:
    lines = {"predict": ["--text", "x"], "eval": [], "resume": []}
    code, said = sentence(name, str(tmp_path), *lines[name])
    missing, said_missing = sentence(name, str(tmp_path / "none"), *lines[name])
    if name == "resume":
        assert code == missing == USAGE
        assert said == f"{tmp_path}: this folder holds no run. Give the folder that --output named"
    else:
        assert code == missing == CHECKPOINT
        assert said == f"{tmp_path}: holds no checkpoint. Give the folder of a run, such as runs/ner"
        assert said_missing == f"{tmp_path}/none: no such folder. Give the folder of a finished run, such as runs/ner"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["predict", "eval"])
@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "tokenizer_config.json", "vocab.txt"])
def test_a_damaged_checkpoint(name: str, file: str, copied: Path, sentence: Any) -> None:
    best = (copied / "best").resolve()
    content = (best / file).read_bytes()
    (best / file).write_bytes(content[:-3] + b"\0" + content[-2:])
    code, said = sentence(name, str(copied), *(["--text", "x"] if name == "predict" else []))
    assert code == CHECKPOINT
    assert said.startswith(f"{best}: this checkpoint is damaged: {file} is not what was written.")


@pytest.mark.parametrize("more", [[], ["-", "--text", "x"]], ids=["neither", "both"])
def test_predict_takes_either_text_or_a_file(more: list[str], finished: Path, sentence: Any) -> None:
    assert sentence("predict", str(finished), *more) == (
        USAGE,
        "give either --text or a FILE (- for standard input)",
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"txt": "b"}\n', ':1: this JSON line has no "text"; its keys are: txt'),
        (b'{"text": 3}\n', ':1: this JSON line has no "text"; its keys are: text'),
        (b'{"text": "a \\ud800 b"}\n', ":1: the text holds half a surrogate pair, which is no character"),
        (
            b"\xff\xfe\n",
            ":1: the line is not UTF-8. Convert the file, for example with `iconv -f ENCODING -t utf-8`",
        ),
    ],
)
def test_a_file_to_predict_that_cannot_be_read(
    content: bytes, said: str, finished: Path, tmp_path: Path, sentence: Any
) -> None:
    file = tmp_path / "texts"
    file.write_bytes(content)
    assert sentence("predict", str(finished), str(file)) == (DATA, f"{file}{said}")
    none = tmp_path / "none"
    assert sentence("predict", str(finished), str(none)) == (
        DATA,
        f"{none}: the file cannot be read: No such file or directory",
    )


@pytest.mark.parametrize("before", [1, 255, 256, 257, 300])
def test_what_stands_before_a_line_that_cannot_be_read_is_predicted(
    before: int, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "texts"
    file.write_bytes(b"a\n" * before + b"\xff\nb\n")
    assert run(["predict", str(finished), str(file), "--batch-size", "64"]) == DATA
    said = capsys.readouterr()
    assert [json.loads(line)["text"] for line in said.out.splitlines()] == ["a"] * before
    assert said.err.startswith(f"bertrun: error: {file}:{before + 1}: the line is not UTF-8")
    assert said.err.count("\n") == 1


def test_a_text_of_bytes_that_are_not_utf8(finished: Path, sentence: Any) -> None:
    assert sentence("predict", str(finished), "--text", "a", "--text", "caf\udce9") == (
        USAGE,
        "--text 'caf\\udce9' is not UTF-8",
    )


def test_json_that_is_too_much_for_python_is_text(finished: Path, tmp_path: Path) -> None:
    file = tmp_path / "texts"
    file.write_text('{"id": ' + "7" * 5000 + "\n" + '{"id":' + "[" * 99999 + "\n", encoding="utf-8")
    assert run(["predict", str(finished), str(file)]) == 0


def test_evaluating_on_other_labels(finished: Path, tmp_path: Path, sentence: Any) -> None:
    file = tmp_path / "file"
    file.write_text("a B-DATE\n", encoding="utf-8")
    assert sentence("eval", str(finished), "--eval-data", str(file)) == (
        DATA,
        f"{file}:1: this sentence has DATE; the file's types are DATE, and the model knows LOC, ORG, PER, PROD. "
        "Rename the types, or train on data that has them all",
    )


def test_predictions_that_cannot_be_written(finished: Path, data: Path, tmp_path: Path, sentence: Any) -> None:
    arguments = ["eval", str(finished), "--eval-data", f"{data}/dev.conll", "--predictions"]
    assert sentence(*arguments, str(tmp_path)) == (
        USAGE,
        f"{tmp_path}: this is a folder, and --predictions names a file",
    )
    assert sentence(*arguments, f"{tmp_path}/none/file") == (
        USAGE,
        f"{tmp_path}/none: there is no such folder for --predictions",
    )
