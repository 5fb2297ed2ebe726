"""Weights of every world through the command line: seen, converted there and back, verified, compared."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from bert_core.cli.main import run
from bert_core.weights.formats.mindspore_ckpt import MindsporeCkpt, write_ckpt
from bert_core.weights.opened import Weights

HERE = Path(__file__).parent
TINY = HERE.parent / "bert" / "tiny_pretraining"
NEZHA = HERE.parent / "bert" / "tiny_nezha"
MODELZOO = HERE / "data" / "modelzoo"
GOOGLE = HERE.parents[2] / "shared" / "data" / "tf-bert-checkpoint"
Answer = tuple[int, str, str]


@pytest.fixture
def bertrun(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Run a command line: its exit code, output and errors."""

    def bertrun(*arguments: object) -> Answer:
        code = run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return bertrun


@pytest.mark.parametrize("world", ["modelzoo", "tf-names"])
def test_there_and_back_is_the_same_to_the_bit(bertrun: Callable[..., Answer], tmp_path: Path, world: str) -> None:
    assert bertrun("weights", "convert", TINY, tmp_path / "there", "--to", world)[0] == 0
    assert bertrun("weights", "convert", tmp_path / "there", tmp_path / "back", "--to", "hf")[0] == 0
    code, out, _ = bertrun("weights", "diff", TINY, tmp_path / "back")
    assert (code, out.splitlines()[-1].endswith("tensors are equal, 0 differ")) == (0, True)
    stored = load_file(tmp_path / "back" / "model.safetensors")
    for name, values in load_file(TINY / "model.safetensors").items():
        if name in stored:  # what is left aside is a copy
            np.testing.assert_array_equal(stored[name], values)
    assert Weights(tmp_path / "back").config == Weights(TINY).config


def test_googles_names_and_layouts(bertrun: Callable[..., Answer], tmp_path: Path) -> None:
    bertrun("weights", "convert", TINY, tmp_path / "there", "--to", "tf-names")
    there, here = load_file(tmp_path / "there" / "model.safetensors"), load_file(TINY / "model.safetensors")
    kernel = there["bert/encoder/layer_0/intermediate/dense/kernel"]
    np.testing.assert_array_equal(kernel, here["bert.encoder.layer.0.intermediate.dense.weight"].T)


@pytest.mark.parametrize("name", ["bert.ckpt", "nezha.ckpt"])
def test_a_checkpoint_of_the_modelzoo_without_a_configuration(bertrun: Callable[..., Answer], name: str) -> None:
    code, out, _ = bertrun("weights", "inspect", MODELZOO / name, "--json")
    found = json.loads(out)
    assert (code, found["format"], found["unknown"]) == (0, "a MindSpore checkpoint", [])
    assert found["config"]["model_type"] == name.removesuffix(".ckpt")
    assert (found["config"]["hidden_act"], found["config"]["layer_norm_eps"]) == ("gelu_new", 1e-7)
    assert "sizes were read off the tensors" in found["notes"][0]
    assert bertrun("weights", "verify", MODELZOO / name)[0] == 0


@pytest.mark.skipif(not GOOGLE.is_dir(), reason="shared/data is not here")
def test_a_checkpoint_of_google(bertrun: Callable[..., Answer], tmp_path: Path) -> None:
    for path in (GOOGLE, GOOGLE / "bert_model.ckpt", GOOGLE / "bert_model.ckpt.index"):
        assert bertrun("weights", "verify", path)[0] == 0
    assert bertrun("weights", "convert", GOOGLE, tmp_path / "hf", "--to", "hf")[0] == 0
    assert bertrun("weights", "diff", GOOGLE, tmp_path / "hf")[0] == 0
    assert {path.name for path in (tmp_path / "hf").iterdir()} >= {"config.json", "model.safetensors", "vocab.txt"}


def test_verify_names_what_is_wrong(bertrun: Callable[..., Answer], tmp_path: Path) -> None:
    copied = Path(shutil.copytree(TINY, tmp_path / "copied"))
    tensors = load_file(TINY / "model.safetensors")
    tensors["bert.embeddings.LayerNorm.bias"][0] = np.nan
    del tensors["bert.encoder.layer.0.attention.self.query.bias"]
    save_file(tensors, copied / "model.safetensors")
    code, _, err = bertrun("weights", "verify", copied)
    assert code == 6
    assert "bert.embeddings.LayerNorm.bias has 1 values that are not finite" in err
    assert "bert.encoder.layer.0.attention.self.query.bias is missing, which the configuration describes" in err
    assert err.endswith("2 things are wrong with these weights\n")
    code, out, _ = bertrun("weights", "diff", TINY, copied)
    assert (code, "only in the first: bert.encoder.layer.0.attention.self.query.bias" in out) == (6, True)


def test_names_that_a_world_does_not_have_are_listed(bertrun: Callable[..., Answer], tmp_path: Path) -> None:
    copied = Path(shutil.copytree(TINY, tmp_path / "copied"))
    save_file(
        {**load_file(TINY / "model.safetensors"), "adapter.x": np.ones(2, np.float32)}, copied / "model.safetensors"
    )
    code, _, err = bertrun("weights", "convert", copied, tmp_path / "there", "--to", "modelzoo")
    assert (code, "1 tensors have no name in" in err, "'adapter.x'" in err) == (6, True, True)
    assert [path.name for path in tmp_path.iterdir()] == ["copied"]


def test_a_folder_that_holds_something_is_not_written_to(bertrun: Callable[..., Answer], tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "thesis.tex").touch()
    code, _, err = bertrun("weights", "convert", TINY, tmp_path / "there", "--to", "hf")
    assert (code, "this is there already" in err) == (2, True)


def tagger(path: Path, *, crf: bool, lstm: bool) -> Path:
    """TINY's encoder with the head of the NER plugin, its values random."""
    random = np.random.default_rng(3)
    encoder = {name: values for name, values in load_file(TINY / "model.safetensors").items() if name[:4] == "bert"}
    width = encoder["bert.pooler.dense.bias"].size
    shapes: dict[str, tuple[int, ...]] = {"classifier.weight": (5, width), "classifier.bias": (5,)}
    if lstm:
        half = width // 2
        for way in ("ahead", "back"):
            shapes |= {f"lstm.{way}.weight_ih_l0": (4 * half, width), f"lstm.{way}.weight_hh_l0": (4 * half, half)}
            shapes |= {f"lstm.{way}.bias_ih_l0": (4 * half,), f"lstm.{way}.bias_hh_l0": (4 * half,)}
    if crf:
        shapes |= {"crf.transitions": (5, 5), "crf.start_transitions": (5,), "crf.end_transitions": (5,)}
    head = {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    path.mkdir()
    shutil.copy(TINY / "config.json", path)
    save_file({**encoder, **head}, path / "model.safetensors")
    return path


@pytest.mark.parametrize(("crf", "lstm"), [(True, False), (True, True), (False, True), (False, False)])
def test_a_tagger_goes_to_the_modelzoo_and_back(
    bertrun: Callable[..., Answer], tmp_path: Path, crf: bool, lstm: bool
) -> None:
    here = tagger(tmp_path / "here", crf=crf, lstm=lstm)
    code, out, _ = bertrun("weights", "convert", here, tmp_path / "there", "--to", "modelzoo")
    assert (code, "these stand beside its table, and bertrun alone reads them" in out) == (0, crf)
    assert bertrun("weights", "convert", tmp_path / "there", tmp_path / "back", "--to", "hf")[0] == 0
    code, out, _ = bertrun("weights", "diff", here, tmp_path / "back")
    assert (code, out) == (0, f"{len(load_file(here / 'model.safetensors'))} tensors are equal, 0 differ\n")


def test_a_tagger_of_the_modelzoo_says_where_its_ends_are_from(bertrun: Callable[..., Answer], tmp_path: Path) -> None:
    bertrun(
        "weights", "convert", tagger(tmp_path / "here", crf=True, lstm=False), tmp_path / "ours", "--to", "modelzoo"
    )
    archive = MindsporeCkpt(tmp_path / "ours" / "bert.ckpt")
    theirs = [(name, archive.read(name)) for name in archive.tensors if not name.startswith("crf.")]
    (tmp_path / "theirs").mkdir()
    write_ckpt(tmp_path / "theirs" / "ner.ckpt", theirs)
    code, out, _ = bertrun("weights", "inspect", tmp_path / "theirs")
    assert (code, "note: a CRF of the ModelZoo runs through [CLS] and [SEP] as O" in out) == (0, True)
    opened = Weights(tmp_path / "theirs")
    np.testing.assert_array_equal(opened.tensor("crf.start_transitions"), opened.tensor("crf.transitions")[0])
    np.testing.assert_array_equal(opened.tensor("crf.end_transitions"), opened.tensor("crf.transitions")[:, 0])


def copied(path: Path, vocabulary: bytes | None = None, **config: object) -> Path:
    """TINY with a vocabulary, and with something else in its configuration."""
    shutil.copytree(TINY, path)
    told = json.loads((path / "config.json").read_text("utf-8"))
    (path / "config.json").write_text(json.dumps({**told, **config}), "utf-8")
    if vocabulary is not None:
        (path / "vocab.txt").write_bytes(vocabulary)
    return path


def pieces(count: int, *more: str) -> bytes:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *more]
    return "\n".join([*words, *(f"w{number}" for number in range(count - len(words)))]).encode()


@pytest.mark.parametrize(
    ("vocabulary", "line", "code"),
    [
        (None, "none beside them", 0),
        (pieces(64), "vocab.txt, 64 pieces, lower-case by the look of the pieces", 0),
        (pieces(64, "\u2028"), "vocab.txt, 64 pieces, lower-case by the look of the pieces", 0),
        (
            pieces(60),
            "vocab.txt, 60 pieces, lower-case by the look of the pieces, for 64 embeddings; the last 4 are pad",
            0,
        ),
        (pieces(66), "vocab.txt, 66 pieces, lower-case by the look of the pieces, and there are only 64 embeddings", 6),
        (b"[PAD]\n\xff", "vocab.txt: the vocabulary is not UTF-8 (byte 6 is 0xff)", 6),
        (b"a\nb", "vocab.txt: the vocabulary", 6),
    ],
)
def test_the_vocabulary_is_shown_and_checked(
    bertrun: Callable[..., Answer], tmp_path: Path, vocabulary: bytes | None, line: str, code: int
) -> None:
    here = copied(tmp_path / "here", vocabulary)
    inspected, out, _ = bertrun("weights", "inspect", here)
    assert (inspected, line in out) == (0, True)
    verified, out, err = bertrun("weights", "verify", here)
    assert (verified, line in out + err) == (code, True)
    converted, out, err = bertrun("weights", "convert", here, tmp_path / "there", "--to", "hf")
    assert (converted, line in out + err) == (code, True)
    assert (tmp_path / "there" / "vocab.txt").exists() == (code == 0 and vocabulary is not None)


@pytest.mark.parametrize("word", ["w", "W"])
def test_a_casing_that_nothing_says_is_written_as_the_pieces_look(
    bertrun: Callable[..., Answer], tmp_path: Path, word: str
) -> None:
    """Without it, transformers would lower-case the text of a cased vocabulary."""
    here = copied(tmp_path / "here", pieces(64).replace(b"w", word.encode()))
    code, out, _ = bertrun("weights", "convert", here, tmp_path / "there", "--to", "hf")
    assert (code, "note: no tokenizer_config.json beside them: one is written" in out) == (0, True)
    written = json.loads((tmp_path / "there" / "tokenizer_config.json").read_text("utf-8"))
    assert (written["do_lower_case"], written["model_max_length"]) == (word == "w", 40)
    assert (tmp_path / "there" / "vocab.txt").read_bytes() == (here / "vocab.txt").read_bytes()


def test_a_casing_that_is_said_travels(bertrun: Callable[..., Answer], tmp_path: Path) -> None:
    here = copied(tmp_path / "here", pieces(64))
    (here / "tokenizer_config.json").write_text('{"do_lower_case": false}', "utf-8")
    for world in ("hf", "modelzoo", "tf-names"):
        code, out, _ = bertrun("weights", "convert", here, tmp_path / world, "--to", world)
        assert (code, "vocabulary: vocab.txt, 64 pieces, cased\n" in out) == (0, True)
        assert (tmp_path / world / "tokenizer_config.json").read_text("utf-8") == '{"do_lower_case": false}'


@pytest.mark.parametrize("name", ["vocab.txt", "tokenizer_config.json", "tokenizer.json"])
def test_a_text_file_that_leads_out_of_the_folder_is_not_read(
    bertrun: Callable[..., Answer], tmp_path: Path, name: str
) -> None:
    (tmp_path / "secret").write_text("secret", "utf-8")
    here = copied(tmp_path / "here")
    (here / name).symlink_to(tmp_path / "secret")
    for command in (["inspect", here], ["convert", here, tmp_path / "there", "--to", "hf"]):
        code, out, err = bertrun("weights", *command)
        assert (code, out, "it is a link that leaves the folder" in err) == (6, "", True)


def test_the_digest_is_of_every_file(bertrun: Callable[..., Answer], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", "utf-8")
    save_file({"a": np.ones(2, np.float32)}, tmp_path / "one.safetensors")
    save_file({"b": np.ones(2, np.float32)}, tmp_path / "two.safetensors")
    index = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index), "utf-8")
    digests = json.loads(bertrun("weights", "inspect", tmp_path, "--json")[1])["sha256"]
    names = ["model.safetensors.index.json", "one.safetensors", "two.safetensors"]
    assert digests == {name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in names}
    assert f"sha256: {digests['two.safetensors']}  two.safetensors\n" in bertrun("weights", "inspect", tmp_path)[1]
    checkpoint = HERE / "data" / "tensorflow" / "sharded.ckpt"
    digests = json.loads(bertrun("weights", "inspect", checkpoint, "--json")[1])["sha256"]
    ends = [name.removeprefix("sharded.ckpt.") for name in digests]
    assert ends == ["index", "data-00000-of-00002", "data-00001-of-00002"]


def test_names_of_tensorflow_2_are_refused_with_what_to_do(bertrun: Callable[..., Answer], tmp_path: Path) -> None:
    objects = HERE / "data" / "tensorflow" / "objects.ckpt"
    said = "its 4 tensors have the names of TensorFlow 2's objects, such as 'model/dense/0/.ATTRIBUTES/VARIABLE_VALUE'"
    for world in ("hf", "modelzoo", "tf-names"):
        code, _, err = bertrun("weights", "convert", objects, tmp_path / "there", "--to", world)
        assert (code, f"{said}. Such a name says where" in err, "save_pretrained()" in err) == (6, True, True)
    assert said in bertrun("weights", "inspect", objects)[1]
    assert said in bertrun("weights", "verify", objects)[2]
    code, _, err = bertrun("weights", "convert", HERE / "data/tensorflow/sharded.ckpt", tmp_path / "x", "--to", "hf")
    assert (code, "have the names of no BERT that bertrun knows, such as 'on_0/bias'" in err) == (6, True)


@pytest.mark.parametrize("world", ["modelzoo", "tf-names"])
def test_weights_of_no_bert_have_no_names_in_other_worlds(
    bertrun: Callable[..., Answer], tmp_path: Path, world: str
) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}', "utf-8")
    save_file({"wte.weight": np.ones((2, 2), np.float32)}, tmp_path / "model.safetensors")
    code, _, err = bertrun("weights", "convert", tmp_path, tmp_path / "there", "--to", world)
    assert (code, "these are not the weights of a BERT" in err, "What there is: 'wte.weight'" in err) == (6, True, True)


def test_what_the_configuration_does_not_describe_is_wrong(bertrun: Callable[..., Answer], tmp_path: Path) -> None:
    heads = copied(tmp_path / "heads", num_attention_heads=5)
    code, _, err = bertrun("weights", "verify", heads)
    assert (code, "hidden_size is 32, which 5 attention heads cannot share" in err) == (6, True)
    learned = copied(tmp_path / "learned", model_type="nezha", relative_positions="learned", max_relative_position=16)
    code, _, err = bertrun("weights", "verify", learned)
    assert (code, "layer.0.attention.self.relative_positions.weight is missing" in err) == (6, True)
    more = copied(tmp_path / "more")
    tensors = {"bert.encoder.layer.7.output.dense.bias": np.ones(32, np.float32)}
    save_file({**load_file(TINY / "model.safetensors"), **tensors}, more / "model.safetensors")
    code, _, err = bertrun("weights", "verify", more)
    assert (code, "layer.7.output.dense.bias is stored, which the configuration does not describe" in err) == (6, True)


def test_what_a_file_says_does_not_move_the_cursor(bertrun: Callable[..., Answer], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "\x1b[2J"}), "utf-8")
    save_file({"\x1b[2J": np.ones(1, np.float32)}, tmp_path / "model.safetensors")
    _, out, _ = bertrun("weights", "inspect", tmp_path)
    assert ("\x1b" not in out, out.count("\\x1b[2J")) == (True, 2)


def test_a_tensor_of_an_unknown_name_is_no_difference_that_is_passed_over(
    bertrun: Callable[..., Answer], tmp_path: Path
) -> None:
    bertrun("weights", "convert", TINY, tmp_path / "first", "--to", "tf-names")
    second = Path(shutil.copytree(tmp_path / "first", tmp_path / "second"))
    tensors = {**load_file(second / "model.safetensors"), "adapter": np.ones(1, np.float32)}
    save_file(tensors, second / "model.safetensors")
    code, _, err = bertrun("weights", "diff", tmp_path / "first", second)
    assert (code, "1 tensors have names that Google's TensorFlow BERT does not have: 'adapter'" in err) == (6, True)


@pytest.mark.parametrize("world", ["modelzoo", "tf-names"])
def test_nezha_goes_to_hugging_face_under_the_names_of_its_model(
    bertrun: Callable[..., Answer], tmp_path: Path, world: str
) -> None:
    """NezhaModel of transformers 4 takes nothing that is named `bert.`."""
    code, out, _ = bertrun("weights", "convert", NEZHA, tmp_path / "there", "--to", world)
    assert (code, "the ModelZoo has no net whose relative positions are not learned" in out) == (0, world == "modelzoo")
    assert bertrun("weights", "convert", tmp_path / "there", tmp_path / "back", "--to", "hf")[0] == 0
    stored = load_file(tmp_path / "back" / "model.safetensors")
    recorded = load_file(NEZHA / "model.safetensors")  # of a bare NezhaModel
    assert stored.keys() == {f"nezha.{name}" for name in recorded}
    for name, values in recorded.items():
        np.testing.assert_array_equal(stored[f"nezha.{name}"], values)


def test_nezha_with_learned_positions_is_said_to_be_for_bertrun_alone(
    bertrun: Callable[..., Answer], tmp_path: Path
) -> None:
    code, out, _ = bertrun("weights", "convert", MODELZOO / "nezha.ckpt", tmp_path / "there", "--to", "hf")
    assert (code, "note: transformers has no model with learned relative positions" in out) == (0, True)
    assert "with relative ones, does not read" in out
    assert bertrun("weights", "diff", MODELZOO / "nezha.ckpt", tmp_path / "there")[0] == 0


def test_what_the_modelzoo_computes_otherwise_is_said(bertrun: Callable[..., Answer], tmp_path: Path) -> None:
    _, out, _ = bertrun("weights", "convert", TINY, tmp_path / "there", "--to", "modelzoo")
    assert "computes with hidden_act gelu_new and layer_norm_eps 1e-07 whatever is said, and these weights have" in out
    _, out, _ = bertrun("weights", "convert", MODELZOO / "bert.ckpt", tmp_path / "again", "--to", "modelzoo")
    assert "whatever is said" not in out


def test_the_labels_of_a_classifier_are_counted(bertrun: Callable[..., Answer], tmp_path: Path) -> None:
    """Else transformers expects two, and refuses the weights."""
    here = tagger(tmp_path / "here", crf=False, lstm=False)
    bertrun("weights", "convert", here, tmp_path / "counted", "--to", "hf")
    assert Weights(tmp_path / "counted").config["num_labels"] == 5
    named = {**Weights(here).config, "id2label": {str(number): f"L{number}" for number in range(5)}}
    (here / "config.json").write_text(json.dumps(named), "utf-8")
    bertrun("weights", "convert", here, tmp_path / "named", "--to", "hf")
    assert Weights(tmp_path / "named").config == named


def test_what_is_no_number_is_the_same_as_itself(bertrun: Callable[..., Answer], tmp_path: Path) -> None:
    odd = copied(tmp_path / "odd")
    tensors = load_file(TINY / "model.safetensors")
    tensors["bert.embeddings.LayerNorm.bias"][:3] = np.nan, np.inf, -np.inf
    save_file(tensors, odd / "model.safetensors")
    assert bertrun("weights", "diff", odd, odd) == (0, f"{len(tensors)} tensors are equal, 0 differ\n", "")
    code, out, _ = bertrun("weights", "diff", TINY, odd)
    assert (code, "bert.embeddings.LayerNorm.bias: up to nan" in out) == (6, True)


def test_a_run_is_its_best_checkpoint_else_the_latest_and_verified_by_its_manifest(
    bertrun: Callable[..., Answer], tmp_path: Path
) -> None:
    step = copied(tmp_path / "checkpoints" / "step-1")
    (tmp_path / "latest").symlink_to("checkpoints/step-1")
    names = ("config.json", "model.safetensors")
    contents = {name: (step / name).read_bytes() for name in names}
    files = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in contents.items()
    }
    (step / "manifest.json").write_text(json.dumps({"schema": 1, "files": files}), "utf-8")
    assert bertrun("weights", "verify", tmp_path)[0] == 0
    tensors = {name: values + 1 for name, values in load_file(step / "model.safetensors").items()}
    save_file(tensors, step / "model.safetensors")
    code, _, err = bertrun("weights", "verify", tmp_path)
    assert (code, "by its manifest: model.safetensors is not what was written" in err) == (6, True)
    copied(tmp_path / "best")
    assert bertrun("weights", "verify", tmp_path)[0] == 0


def test_without_a_configuration_what_to_put_beside_them_is_said(
    bertrun: Callable[..., Answer], tmp_path: Path
) -> None:
    shutil.copy(TINY / "model.safetensors", tmp_path)
    code, _, err = bertrun("weights", "inspect", tmp_path / "model.safetensors")
    assert (code, "It says how many attention heads there are, as no tensor does" in err) == (6, True)
