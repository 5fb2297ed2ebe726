"""A run as a file that is served without bertrun: it gives what the run gives."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from bert_core.cli.main import run
from bert_core.export import exporter

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
SERVING = Path(__file__).parents[2] / "docs" / "serving.md"
WORDS = "Ana Duarte left Halden Optics for a post in Porto ."
FREE = "import sys\nassert not [name for name in sys.modules if name.startswith('bert')]\n"

Batch = dict[str, Any]


@pytest.fixture(scope="module")
def crf(command: Callable[..., list[str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with CRF and LSTM, on a NEZHA that learns its positions."""
    output = tmp_path_factory.mktemp("runs") / "crf"
    nezha = ["--model", "nezha", "--relative-positions", "learned", "--hidden-act", "gelu_new", "--recompute"]
    assert run(command(output, *nezha, "--crf", "--bilstm", "--max-steps", "4", "--eval-every", "4")) == 0
    return output


@pytest.fixture(scope="module")
def served(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands of `docs/serving.md` were called, with the run that they name."""
    folder = tmp_path_factory.mktemp("serving")
    (folder / "runs").mkdir()
    (folder / "runs" / "ner").symlink_to(finished)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for line in re.findall(r"^\$ bertrun (.*)$", SERVING.read_text(encoding="utf-8"), re.MULTILINE):
            assert run(shlex.split(line)) == 0
    return folder


@pytest.fixture(scope="module")
def network_of() -> Callable[[Path], Callable[[Batch], np.ndarray]]:
    """The logits of a run's own network, in MindSpore."""
    from mindspore import Tensor

    from bert_core.finished import FinishedRun
    from bert_core.manager import PluginManager
    from bert_core.training.evaluation import Forward
    from bert_core.training.step import open_shapes

    known: dict[Path, Any] = {}

    def network_of(folder: Path) -> Callable[[Batch], np.ndarray]:
        if folder not in known:
            forward = Forward(FinishedRun(folder, PluginManager()).objective.network)
            forward.set_train(False)
            forward.set_inputs(*open_shapes([None, *map(Tensor, batch(1, 4, 2).values())])[1:])
            known[folder] = forward
        return lambda rows: known[folder](*map(Tensor, rows.values())).asnumpy()

    return network_of


def batch(rows: int, length: int, words: int) -> Batch:
    """Rows of random pieces, each one shorter than the one before."""
    random = np.random.default_rng([rows, length, words])
    place = np.arange(rows)[:, None]
    mask = (np.arange(length) < np.maximum(length - place, 2)).astype(np.int32)
    return {
        "input_ids": random.integers(0, 300, (rows, length)).astype(np.int32) * mask,
        "token_type_ids": random.integers(0, 2, (rows, length)).astype(np.int32) * mask,
        "attention_mask": mask,
        "word_positions": np.sort(random.integers(0, length, (rows, words)), 1).astype(np.int32),
        "word_mask": (np.arange(words) < np.maximum(words - place, 1)).astype(np.int32),
    }


SIZES = (batch(1, 3, 1), batch(3, 17, 9), batch(6, 64, 62))


def said(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "export.json").read_text(encoding="utf-8"))


def by_onnx(folder: Path, rows: Mapping[str, np.ndarray]) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(folder / said(folder)["model"]), providers=["CPUExecutionProvider"])
    return session.run(["logits"], dict(rows))[0]


def by_mindspore(folder: Path, rows: Mapping[str, np.ndarray]) -> np.ndarray:
    import mindspore as ms

    network = ms.nn.GraphCell(ms.load(str(folder / said(folder)["model"])))
    return network(*map(ms.Tensor, rows.values())).asnumpy()


def assert_same(found: np.ndarray, wanted: np.ndarray) -> None:
    assert found.shape == wanted.shape
    assert np.abs(wanted).max() > 0.01
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4)


@pytest.mark.parametrize("rows", SIZES, ids=lambda rows: str(rows["input_ids"].shape))
def test_onnx_gives_the_runs_logits_at_every_size(served: Path, finished: Path, network_of, rows: Batch) -> None:
    assert_same(by_onnx(served / "served" / "onnx", rows), network_of(finished)(rows))


@pytest.mark.parametrize("rows", SIZES, ids=lambda rows: str(rows["input_ids"].shape))
def test_mindir_gives_the_runs_logits_at_every_size(served: Path, finished: Path, network_of, rows: Batch) -> None:
    assert_same(by_mindspore(served / "served" / "mindir", rows), network_of(finished)(rows))


@pytest.mark.parametrize(("form", "by"), [("onnx", by_onnx), ("mindir", by_mindspore)])
def test_a_crf_and_an_lstm_give_their_emissions(crf: Path, tmp_path: Path, network_of, form: str, by) -> None:
    folder = tmp_path / "a path with blanks and ä"
    assert run(["export", str(crf), "--format", form, "--output", str(folder)]) == 0
    for rows in SIZES:
        assert_same(by(folder, rows), network_of(crf)(rows))
    stored, model = load_file(folder / "loss.safetensors"), load_file(crf / "best" / "model.safetensors")
    assert set(stored) == {"crf.transitions", "crf.start_transitions", "crf.end_transitions"}
    assert all((values == model[name]).all() for name, values in stored.items())
    assert said(folder)["loss"]["tensors"] == {name: list(values.shape) for name, values in sorted(stored.items())}


@pytest.mark.parametrize(("form", "by"), [("onnx", by_onnx), ("mindir", by_mindspore)])
def test_sizes_can_be_fixed(finished: Path, tmp_path: Path, network_of, form: str, by) -> None:
    folder = tmp_path / "fixed"
    words = ["export", str(finished), "--format", form, "--output", str(folder), "--batch-size", "2", "--length", "24"]
    assert run(words) == 0
    rows = batch(2, 24, 24)
    assert_same(by(folder, rows), network_of(finished)(rows))
    record = said(folder)
    assert {tuple(item["shape"]) for item in record["inputs"]} == {(2, 24)}
    assert record["outputs"][0]["shape"] == [2, 24, 9]
    assert record["max_length"] == 24
    with pytest.raises(Exception, match=r"(?i)shape|dimension"):
        by(folder, batch(3, 24, 24))


def test_the_folder_holds_what_serving_needs(served: Path, finished: Path) -> None:
    folder = served / "served" / "onnx"
    names = {"model.onnx", "export.json", "config.json", "vocab.txt", "tokenizer_config.json"}
    assert {path.name for path in folder.iterdir()} == names
    assert (folder / "config.json").read_bytes() == (finished / "best" / "config.json").read_bytes()
    assert (folder / "vocab.txt").read_bytes() == (finished / "best" / "vocab.txt").read_bytes()
    record = said(folder)
    assert [(item["name"], item["dtype"], item["shape"]) for item in record["inputs"]] == [
        ("input_ids", "int32", ["batch", "length"]),
        ("token_type_ids", "int32", ["batch", "length"]),
        ("attention_mask", "int32", ["batch", "length"]),
        ("word_positions", "int32", ["batch", "word_positions_length"]),
        ("word_mask", "int32", ["batch", "word_mask_length"]),
    ]
    assert record["outputs"] == [{"name": "logits", "dtype": "float32", "shape": [None, None, 9]}]
    assert 0 <= record["max_difference"] <= 1e-4
    assert set(record["versions"]) == {"bertrun", "mindspore", "onnx", "onnxruntime"}
    assert record["max_length"] == 64


def scripts() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", SERVING.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_scripts_of_the_documentation_tag_as_bertrun_does(
    served: Path, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    script = tmp_path / "serve.py"
    script.write_text("".join(scripts()) + FREE, encoding="utf-8")
    done = subprocess.run([sys.executable, str(script)], cwd=served, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    greedy, onnx, mindir = (json.loads(line.replace("'", '"')) for line in done.stdout.splitlines())
    capfd.readouterr()
    assert run(["predict", str(served / "runs" / "ner"), "--text", WORDS]) == 0
    predicted = json.loads(capfd.readouterr().out)
    assert predicted["words"] == WORDS.split()
    assert onnx == mindir == predicted["tags"]
    assert len(greedy) == len(onnx)


@pytest.mark.parametrize("seed", range(20))
def test_the_best_path_of_the_documentation_is_that_of_predict(tmp_path: Path, seed: int) -> None:
    from bertrun_ner.schemes import allowed
    from bertrun_ner.viterbi import Allowed, viterbi_decode

    labels = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    random = np.random.default_rng(seed)
    tables = [random.normal(size=shape).astype(np.float32) for shape in ((5, 5), (5,), (5,))]
    names = ("crf.transitions", "crf.start_transitions", "crf.end_transitions")
    save_file(dict(zip(names, tables, strict=True)), tmp_path / "loss.safetensors")
    logits = random.normal(size=(1 + seed % 7, 5)).astype(np.float32)
    names_of_script = {"np": np, "labels": labels, "folder": tmp_path, "export": {"loss": {}}, "logits": logits}
    exec(scripts()[1], names_of_script)
    (wanted,), _ = viterbi_decode(logits[None], np.ones((1, len(logits))), *tables, Allowed(*allowed(labels)))
    assert names_of_script["best_path"](logits) == wanted.tolist()


def test_a_file_with_other_logits_is_refused_and_leaves_nothing(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mindir = exporter.FORMATS["mindir"]

    def shifted(path, batches):
        return [[logits + 2e-4 for logits in given] for given in mindir.run(path, batches)]

    wrong = replace(mindir, run=shifted)
    monkeypatch.setitem(exporter.FORMATS, "mindir", wrong)
    assert run(["export", str(finished), "--format", "mindir", "--output", str(tmp_path / "wrong")]) == 7
    assert "differ from the run's by" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_an_export_is_replaced_only_when_told(
    served: Path, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["export", str(finished), "--format", "onnx", "--output"]
    assert run([*words, str(served / "served" / "onnx")]) == 2
    assert "already holds an export. --overwrite replaces it" in capsys.readouterr().err
    (tmp_path / "notes.txt").touch()
    assert run([*words, str(tmp_path), "--overwrite"]) == 2
    assert "something other than an export" in capsys.readouterr().err
    (tmp_path / "notes.txt").rename(tmp_path / "export.json")
    (tmp_path / "old").touch()
    assert run([*words, str(tmp_path), "--overwrite"]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "model.onnx", "export.json", "config.json", "vocab.txt", "tokenizer_config.json",
    }  # fmt: skip
    assert not [path for path in tmp_path.parent.iterdir() if ".new" in path.name or ".old" in path.name]


def test_what_cannot_be_is_said_before_work(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["export", str(finished), "--format", "onnx", "--output", str(tmp_path / "out")]
    assert run([*words, "--length", "65"]) == 2
    assert "--length 65 is more than the model's 64 positions. Say --length 64 or less" in capsys.readouterr().err
    assert run([*words, "--length", "3"]) == 2
    assert "neither 'dynamic' nor a whole number from 4" in capsys.readouterr().err
    assert run(["export", str(tmp_path), "--format", "onnx"]) == 6
    assert "holds no checkpoint" in capsys.readouterr().err
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert run(words) == 2
    assert "needs onnx and onnxruntime, not installed here. pip install 'bertrun[onnx]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
