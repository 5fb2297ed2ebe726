"""Tables of names: exact both ways, and true to what the other worlds really have in their files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bert_core.errors import CheckpointError
from bert_core.weights.archive import Stored
from bert_core.weights.formats.mindspore_ckpt import MindsporeCkpt, write_ckpt
from bert_core.weights.formats.safetensors_file import SafetensorsFile
from bert_core.weights.formats.tensorflow_bundle import TensorflowBundle
from bert_core.weights.names import google, huggingface, modelzoo
from bert_core.weights.names.change import SAME, TRANSPOSED, Change, ChangeError
from bert_core.weights.names.modelzoo_crf import LABELS_ONLY, TRANSITIONS, TRANSITIONS_ONLY, between_marks
from bert_core.weights.names.recognise import TABLES, recognise
from bert_core.weights.names.table import Dropped, NameTable
from bert_core.weights.names.translated import Translated

HERE = Path(__file__).parent
RECORDED = HERE / "data" / "modelzoo"
SHARED = HERE.parents[2] / "shared" / "data" / "tf-bert-checkpoint"
BERT = HERE.parent / "bert"
NETS: Mapping[str, Mapping[str, list[int]]] = json.loads((RECORDED / "names.json").read_text())
RANDOM = np.random.default_rng(0)
LAYERS = st.integers(0, 23)

Array = NDArray[Any]


def every_name(table: NameTable, layers: Iterable[int]) -> list[str]:
    """All names of the other world, put together from the two columns and from nothing else."""
    rows = [row[0] for row in table.rows]
    return list(dict.fromkeys(row.replace("{i}", str(layer)) for row in rows for layer in layers))


class InMemory:
    """An archive of arrays."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self.path = Path("weights")
        self.arrays = arrays
        self.tensors = {name: Stored("F32", array.shape) for name, array in arrays.items()}

    def read(self, name: str) -> NDArray[np.float32]:
        return self.arrays[name].astype(np.float32)


class TestEveryTable:
    @pytest.mark.parametrize("layers", [1, 2, 12, 24])
    @pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
    def test_names_are_one_to_one(self, table: NameTable, layers: int) -> None:
        names = every_name(table, range(layers))
        links = table.translate(names).links
        assert [link.foreign for link in links] == names
        ours = [name for link in links for name in link.ours]
        assert len(set(ours)) == len(ours)
        back = table.translate_back(ours)
        assert list(back.links) == list(links)
        assert not back.unknown

    @settings(deadline=None)
    @given(table=st.sampled_from(TABLES), layer=LAYERS, data=st.data())
    def test_only_exact_names_are_known(self, table: NameTable, layer: int, data: st.DataObject) -> None:
        known = every_name(table, range(24))
        name = data.draw(st.sampled_from(every_name(table, [layer])))
        place = data.draw(st.integers(0, len(name)))
        changed = name[:place] + data.draw(st.sampled_from(["", "0", "1", ".", "/", "_", "x", " ", "\n", "１", "{i}"]))
        changed += name[place + data.draw(st.integers(0, 1)) :]
        link = table.ours(changed)
        numbered_higher = link is not None and changed not in known
        if numbered_higher:  # layer 230 is as good as layer 23
            assert link is not None
            assert int("".join(character for character in link.ours[0] if character.isdigit())) > 23
        assert (link is not None) == (changed in known or numbered_higher)

    @pytest.mark.parametrize("layer", ["00", "01", "-1", "+1", "1000", "１", "", "{i}", "1.1"])
    def test_a_layer_has_a_plain_number(self, layer: str) -> None:
        assert huggingface.TABLES[0].ours(f"bert.encoder.layer.{layer}.output.dense.bias") is None
        assert google.TABLE.ours(f"bert/encoder/layer_{layer}/output/dense/bias") is None
        assert google.TABLE.foreign(f"bert.encoder.layer.{layer}.output.dense.bias") is None

    @pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
    def test_is_recognised_by_its_names(self, table: NameTable) -> None:
        names = every_name(table, range(2))
        assert recognise(names) is table
        assert recognise([name for name in names if "word_embedding" not in name and "lookup" not in name]) is None

    def test_what_has_no_bert_is_recognised_as_nothing(self) -> None:
        assert recognise([]) is None
        assert recognise(["gpt.wte.weight", "classifier.weight", "output_weights"]) is None

    def test_a_name_may_stand_once_in_a_column(self) -> None:
        for rows in ((("a", "x"), ("a", "y")), (("a", "x"), ("b", "x")), (("a", ("x", "y")), ("b", "y"))):
            with pytest.raises(ValueError, match=r"the table 'bad' has .* twice"):
                NameTable(name="bad", rows=rows)

    def test_dropped_names_keep_their_reason(self) -> None:
        table = NameTable(name="small", rows=(("a", "x"),), dropped=(Dropped("b.", "second letters"),))
        found = table.translate(["a", "b1", "b12", "c"])
        assert [link.ours for link in found.links] == [("x",)]
        assert {name: dropped.reason for name, dropped in found.dropped.items()} == {"b1": "second letters"}
        assert found.unknown == ("b12", "c")

    def test_parts_of_a_tensor_go_back_together(self) -> None:
        table = NameTable(name="small", rows=(("a", ("x", "y")), ("b", "z")))
        assert [link.foreign for link in table.translate_back(["y", "z", "x"]).links] == ["a", "b"]
        assert table.translate_back(["x", "z", "w"]).unknown == ("x", "w")


class TestGoogle:
    @pytest.mark.parametrize("layer", [0, 7, 23])
    def test_rows_follow_the_rule_by_which_transformers_converts(self, layer: int) -> None:
        """The rule of convert_bert_original_tf_checkpoint_to_pytorch.py in transformers 4, said anew."""
        words = {
            "kernel": "weight",
            "gamma": "weight",
            "beta": "bias",
            "output_bias": "bias",
            "output_weights": "weight",
        }
        heads = {"output_weights": "classifier.weight", "output_bias": "classifier.bias"}
        for name in every_name(google.TABLE, [layer]):
            parts = [words.get(part, part) for part in name.replace("cls/squad", "qa_outputs").split("/")]
            expected = ".".join(parts).replace("layer_", "layer.")
            expected += ".weight" if name.endswith("_embeddings") else ""
            link = google.TABLE.ours(name)
            assert link is not None
            assert link.ours == (heads.get(name, expected),)
            assert link.change is (TRANSPOSED if name.endswith("kernel") else SAME)

    @pytest.mark.parametrize(
        "name",
        [
            "bert/encoder/layer_0/output/dense/kernel/adam_m",
            "output_bias/adam_v",
            "bert/pooler/dense/bias/lamb_v",
            "bert/embeddings/word_embeddings/AdamWeightDecayOptimizer_1",
            "bert/embeddings/word_embeddings/Adam",
            "bert/pooler/dense/bias/accum",
            "beta1_power",
            "global_step",
            "current_loss_scale",
            "_CHECKPOINTABLE_OBJECT_GRAPH",
            "save_counter/.ATTRIBUTES/VARIABLE_VALUE",
        ],
    )
    def test_what_training_adds_is_left_aside(self, name: str) -> None:
        assert name in google.TABLE.translate([name]).dropped

    def test_weights_of_tensorflow_2_are_not_mistaken(self) -> None:
        name = "model/layer_with_weights-0/embeddings/.ATTRIBUTES/VARIABLE_VALUE"
        assert google.TABLE.translate([name]).unknown == (name,)

    def test_official_nezha_has_no_positions(self) -> None:
        names = [name for name in every_name(google.TABLE, range(12)) if "position_embeddings" not in name]
        assert recognise(names) is google.TABLE

    @pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/data: it holds a checkpoint of Google's BERT code")
    def test_a_real_checkpoint(self) -> None:
        file = TensorflowBundle(SHARED / "bert_model.ckpt")
        assert recognise(file.tensors) is google.TABLE
        found = Translated(file, google.TABLE)
        assert not found.translation.unknown
        config = json.loads((SHARED / "bert_config.json").read_text())
        inner, width = config["intermediate_size"], config["hidden_size"]
        last = f"bert.encoder.layer.{config['num_hidden_layers'] - 1}"
        assert found.tensors[f"{last}.intermediate.dense.weight"].shape == (inner, width)
        stored = file.read(f"{last.replace('.', '/').replace('layer/', 'layer_')}/output/dense/kernel")
        np.testing.assert_array_equal(found.read(f"{last}.output.dense.weight"), stored.T)


class TestHuggingFace:
    @pytest.mark.parametrize("name", ["tiny", "tiny_pretraining"])
    def test_files_that_transformers_wrote(self, name: str) -> None:
        file = SafetensorsFile(BERT / name / "model.safetensors")
        table = recognise(file.tensors)
        assert table in huggingface.TABLES
        found = Translated(file, table)
        assert not found.translation.unknown
        assert not found.translation.dropped
        assert {"bert.embeddings.word_embeddings.weight", "bert.pooler.dense.bias"} <= set(found.tensors)

    @pytest.mark.parametrize(
        ("stored", "ours"),
        [
            ("bert.encoder.layer.3.output.LayerNorm.gamma", "bert.encoder.layer.3.output.LayerNorm.weight"),
            ("encoder.layer.3.output.LayerNorm.beta", "bert.encoder.layer.3.output.LayerNorm.bias"),
            ("cls.predictions.transform.LayerNorm.gamma", "cls.predictions.transform.LayerNorm.weight"),
            ("embeddings.position_embeddings.weight", "bert.embeddings.position_embeddings.weight"),
            ("nezha.encoder.layer.0.attention.self.key.bias", "bert.encoder.layer.0.attention.self.key.bias"),
            ("pooler.dense.bias", "bert.pooler.dense.bias"),
        ],
    )
    def test_spellings(self, stored: str, ours: str) -> None:
        assert {link.ours for table in huggingface.TABLES if (link := table.ours(stored))} == {(ours,)}

    def test_their_nezha_stores_no_positions(self) -> None:
        nezha = next(table for table in huggingface.TABLES if "NEZHA" in table.name)
        for name in ("embeddings.position_embeddings", "encoder.layer.0.attention.self.relative_positions"):
            assert huggingface.TABLES[0].foreign(f"bert.{name}.weight") is not None
            assert nezha.foreign(f"bert.{name}.weight") is None

    def test_what_is_no_weight_is_left_aside(self) -> None:
        sines = "encoder.layer.0.attention.self.relative_positions_encoding.positions_encoding"
        for prefix, table in zip(("bert.", "", "nezha."), huggingface.TABLES, strict=False):
            names = [prefix + "embeddings.position_ids", prefix + sines, "cls.predictions.decoder.weight"]
            found = table.translate([*names, "crf.transitions"])
            assert list(found.dropped) == names
            assert found.unknown == ("crf.transitions",)

    def test_tied_copies_must_be_copies(self) -> None:
        names = every_name(huggingface.TABLES[0], range(1))
        arrays = {name: RANDOM.standard_normal((3, 2)).astype(np.float32) for name in names}
        arrays["cls.predictions.decoder.weight"] = arrays["bert.embeddings.word_embeddings.weight"]
        arrays["cls.predictions.decoder.bias"] = arrays["cls.predictions.bias"]
        Translated(InMemory(arrays), huggingface.TABLES[0]).check_copies()
        arrays["cls.predictions.decoder.weight"] = arrays["cls.predictions.decoder.weight"] + 1
        with pytest.raises(CheckpointError, match=r"decoder\.weight' should repeat 'bert\.embeddings\.word_embeddings"):
            Translated(InMemory(arrays), huggingface.TABLES[0]).check_copies()


OLDER = {"token_type_embedding.embedding_table": "embedding_table"}
OLDER |= {"full_position_embedding.embedding_table": "full_position_embeddings"}


def older(name: str) -> str:
    """What the code before it used nn.Embedding calls a parameter (mindspore-ai/mindspore at 0a7bff182, model_zoo)."""
    for newer, before in OLDER.items():
        name = name.replace(f"postprocessor.{newer}", f"postprocessor.{before}")
    return name


class TestModelZoo:
    @pytest.mark.parametrize("generation", ["newer", "older"])
    @pytest.mark.parametrize("net", [net for net in NETS if not net.startswith("training")])
    def test_every_parameter_of_its_nets_is_known(self, net: str, generation: str) -> None:
        names = [older(name) if generation == "older" else name for name in NETS[net]]
        table = recognise(names)
        assert table is not None
        assert table in modelzoo.TABLES
        assert generation in table.name
        assert ("relative" in table.name) == ("nezha" in net)
        assert ("CRF" in table.name) == ("crf" in net)
        found = table.translate(names)
        assert not found.unknown
        unread = {"total_num", "start_num", "end_num"} if net == "squad" else set()
        unread |= {name for name in names if "full_position" in name} if "nezha" in net else set()
        assert set(found.dropped) == unread
        assert len(found.links) == len(names) - len(unread)

    @pytest.mark.parametrize(
        ("net", "heads"),
        [
            ("pretraining", ("cls.",)),
            ("pretraining without its loss", ("cls.",)),
            ("classifier", ("classifier.",)),
            ("classifier without its loss", ("classifier.",)),
            ("squad", ("qa_outputs.",)),
            ("encoder", ()),
        ],
    )
    def test_every_parameter_of_ours_is_there_once(self, net: str, heads: tuple[str, ...]) -> None:
        table = recognise(NETS[net])
        assert table is not None
        ours = [name for link in table.translate(NETS[net]).links for name in link.ours]
        expected = [
            name
            for name in every_name(huggingface.TABLES[0], range(2))
            if name.startswith(("bert.", *heads)) and "relative" not in name
        ]
        assert sorted(ours) == sorted(expected)

    @pytest.mark.parametrize("net", [net for net in NETS if net.startswith("training")])
    def test_what_training_adds_is_left_aside(self, net: str) -> None:
        names = {**NETS["pretraining"], **NETS[net], "epoch_num": [], "step_num": []}
        table = recognise(names)
        assert table is not None
        found = table.translate(names)
        assert not found.unknown
        assert set(found.dropped) == {*NETS[net], "epoch_num", "step_num"}

    def test_shapes_are_those_of_ours(self) -> None:
        net = {name: np.zeros(shape) for name, shape in NETS["ner, crf, lstm"].items()}
        net["loss.transitions"][5] = net["loss.transitions"][:, 6] = -10000
        table = recognise(net)
        assert table is not None
        shapes = {name: stored.shape for name, stored in Translated(InMemory(net), table).tensors.items()}
        assert shapes["bert.encoder.layer.1.intermediate.dense.weight"] == (12, 8)
        assert shapes["classifier.weight"] == (5, 8)
        assert shapes["classifier.bias"] == (5,)
        assert shapes["crf.transitions"] == (5, 5)
        assert shapes["crf.start_transitions"] == shapes["crf.end_transitions"] == (5,)
        assert shapes["lstm.back.weight_hh_l0"] == (16, 4)

    def test_each_part_of_a_tensor_is_read_by_its_name(self) -> None:
        values = modelzoo_table(3, seed=0).astype(np.float32)
        table = next(table for table in modelzoo.TABLES if table.name.endswith("with a CRF"))
        found = Translated(InMemory({"loss.transitions": values}), table)
        np.testing.assert_array_equal(found.read("crf.transitions"), values[:3, :3].T)
        np.testing.assert_array_equal(found.read("crf.start_transitions"), values[:3, 0])  # from O
        np.testing.assert_array_equal(found.read("crf.end_transitions"), values[0, :3])  # to O

    @pytest.mark.parametrize("name", ["bert", "nezha"])
    def test_its_weights_give_its_outputs(self, name: str) -> None:
        file = MindsporeCkpt(RECORDED / f"{name}.ckpt")
        table = recognise(file.tensors)
        assert table is not None
        weights = Translated(file, table)
        recorded = np.load(RECORDED / "outputs.npz")
        outputs = forward({key: weights.read(key).astype(np.float64) for key in weights.tensors}, recorded)
        assert set(outputs) == {"sequence", "pooled", "words", "sentences"}
        for output, values in outputs.items():
            np.testing.assert_allclose(values, recorded[f"{name}/{output}"], rtol=0, atol=2e-5, err_msg=output)

    def test_written_back_it_is_the_same_file(self, tmp_path: Path) -> None:
        weights = Translated(MindsporeCkpt(RECORDED / "bert.ckpt"), recognise_file(RECORDED / "bert.ckpt"))
        table = next(table for table in modelzoo.TABLES if table.fits_ours(weights.tensors))
        back = table.translate_back(weights.tensors)
        assert not back.unknown
        tensors = ((link.foreign, link.change.to_foreign([*map(weights.read, link.ours)])) for link in back.links)
        write_ckpt(tmp_path / "x", tensors)
        assert (tmp_path / "x").read_bytes() == (RECORDED / "bert.ckpt").read_bytes()

    def test_what_ours_has_chooses_the_table_to_write(self) -> None:
        def recognised(net: str) -> str:
            table = recognise(NETS[net])
            return table.name if table else ""

        def chosen(net: str) -> NameTable:
            table = recognise(NETS[net])
            assert table is not None
            ours = {name for link in table.translate(NETS[net]).links for name in link.ours}
            return next(table for table in modelzoo.TABLES if table.fits_ours(ours))

        for net in NETS:
            if not any(word in net for word in ("training,", "without", "encoder", "crf")):
                assert chosen(net) is recognise(NETS[net])
        assert chosen("ner, crf, nezha").name == f"{recognised('ner, crf, nezha')} that bertrun wrote"
        assert chosen("ner, crf, lstm").name == f"{recognised('ner, crf, lstm')} that bertrun wrote"
        assert chosen("encoder, nezha") is recognise(NETS["pretraining, nezha"])
        assert chosen("classifier without its loss") is recognise(NETS["classifier"])


def recognise_file(path: Path) -> NameTable:
    table = recognise(MindsporeCkpt(path).tensors)
    assert table is not None
    return table


def forward(w: Mapping[str, Array], batch: Mapping[str, Array]) -> dict[str, Array]:
    """BERT for pre-training as Google has it, or with the relative positions of Shaw et al. 2018 (NEZHA)."""

    def linear(x: Array, name: str) -> Array:
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(x: Array, name: str) -> Array:
        centred = x - x.mean(-1, keepdims=True)
        return centred / np.sqrt((centred**2).mean(-1, keepdims=True)) * w[f"{name}.weight"] + w[f"{name}.bias"]

    def gelu(x: Array) -> Array:  # of tanh, as Google's
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))

    def log_softmax(x: Array) -> Array:
        return x - np.log(np.exp(x).sum(-1, keepdims=True))

    def heads(x: Array) -> Array:
        return x.reshape(*x.shape[:2], 2, -1).transpose(0, 2, 1, 3)

    words = w["bert.embeddings.word_embeddings.weight"]
    x = words[batch["input_ids"]] + w["bert.embeddings.token_type_embeddings.weight"][batch["token_type_ids"]]
    relative = "bert.embeddings.position_embeddings.weight" not in w
    length = x.shape[1]
    if not relative:
        x = x + w["bert.embeddings.position_embeddings.weight"][:length]
    x = norm(x, "bert.embeddings.LayerNorm")
    distance = np.clip(np.arange(length) - np.arange(length)[:, None], -16, 16) + 16  # (from, to)
    for layer in ("bert.encoder.layer.0", "bert.encoder.layer.1"):
        q, k, v = (heads(linear(x, f"{layer}.attention.self.{name}")) for name in ("query", "key", "value"))
        scores = q @ k.transpose(0, 1, 3, 2)
        table = w[f"{layer}.attention.self.relative_positions.weight"][distance] if relative else None
        if table is not None:
            scores = scores + np.einsum("bhid,ijd->bhij", q, table)
        scores = scores / np.sqrt(q.shape[-1]) - 1e4 * (1 - batch["attention_mask"][:, None, None])
        chances = np.exp(log_softmax(scores))
        context = chances @ v
        if table is not None:
            context = context + np.einsum("bhij,ijd->bhid", chances, table)
        context = context.transpose(0, 2, 1, 3).reshape(x.shape)
        x = norm(x + linear(context, f"{layer}.attention.output.dense"), f"{layer}.attention.output.LayerNorm")
        inner = gelu(linear(x, f"{layer}.intermediate.dense"))
        x = norm(x + linear(inner, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    pooled = np.tanh(linear(x[:, 0], "bert.pooler.dense"))
    masked = x[np.arange(len(x))[:, None], batch["positions"]].reshape(-1, x.shape[-1])
    masked = gelu(linear(masked, "cls.predictions.transform.dense"))
    masked = norm(masked, "cls.predictions.transform.LayerNorm")
    return {
        "sequence": x,
        "pooled": pooled,
        "words": log_softmax(masked @ words.T + w["cls.predictions.bias"]),
        "sentences": log_softmax(linear(pooled, "cls.seq_relationship")),
    }


class TestChanges:
    @given(rows=st.integers(1, 5), columns=st.integers(1, 5))
    def test_transposed(self, rows: int, columns: int) -> None:
        there = RANDOM.standard_normal((rows, columns))
        (here,) = TRANSPOSED.to_ours(there)
        assert TRANSPOSED.shapes(there.shape) == (here.shape,)
        assert here[columns - 1, 0] == there[0, columns - 1]
        np.testing.assert_array_equal(TRANSPOSED.to_foreign([here]), there)

    @pytest.mark.parametrize("shape", [(), (3,), (2, 2, 2)])
    def test_what_is_no_matrix_is_not_transposed(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(ChangeError, match="a matrix was expected"):
            TRANSPOSED.shapes(shape)

    def test_a_file_with_a_wrong_shape_is_told_so(self) -> None:
        arrays = {"bert/pooler/dense/kernel": np.ones(3)}
        with pytest.raises(CheckpointError, match=r"'bert/pooler/dense/kernel' \(transposed\): a matrix was expected"):
            Translated(InMemory(arrays), google.TABLE)


def theirs(table: Array, emissions: Array, path: Iterable[int]) -> float:
    """The score of a path as ModelZoo's CRF.py defines it: transitions[to, from], between START and STOP."""
    score, before, stop = 0.0, len(table) - 2, len(table) - 1
    for step, label in enumerate(path):
        score += table[label, before] + emissions[step, label]
        before = label
    return score + table[stop, before]


def ours(tables: tuple[Array, ...], emissions: Array, path: Iterable[int]) -> float:
    """The score of a path as bertrun_ner/crf.py defines it: transitions[from, to], start and end."""
    transitions, start, end = tables
    labels = list(path)
    score = start[labels[0]] + end[labels[-1]] + emissions[np.arange(len(labels)), labels].sum()
    return float(score + sum(transitions[a, b] for a, b in pairwise(labels)))


def modelzoo_table(labels: int, seed: int) -> Array:
    """A table as CRF.py makes it."""
    table = np.random.default_rng(seed).standard_normal((labels + 2, labels + 2))
    table[labels] = table[:, labels + 1] = -10000
    return table


def every_path(labels: int, length: int) -> Iterable[tuple[int, ...]]:
    return product(range(labels), repeat=length)


def plain(table: Array) -> tuple[Array, Array, Array]:
    """A ModelZoo's table as transitions [from, to] and what START and STOP score: the CRF of all that it labels."""
    labels = len(table) - 2
    return table[:labels, :labels].T, table[:labels, labels], table[labels + 1, :labels]


class TestCrf:
    @settings(deadline=None)
    @given(labels=st.integers(1, 3), length=st.integers(1, 3), padding=st.integers(0, 2), seed=st.integers(0, 1000))
    def test_two_labellings_of_a_sentence_are_as_far_apart_as_there(
        self, labels: int, length: int, padding: int, seed: int
    ) -> None:
        """Theirs labels [CLS], the words, [SEP] and the padding; all but the words are O, whose id is 0."""
        table = modelzoo_table(labels, seed)
        emissions = np.random.default_rng(seed + 1).standard_normal((length + 2 + padding, labels))
        tables = TRANSITIONS.to_ours(table)
        differences = [
            theirs(table, emissions, (0, *path, 0, *[0] * padding)) - ours(tables, emissions[1 : length + 1], path)
            for path in every_path(labels, length)
        ]
        np.testing.assert_allclose(differences, differences[0])

    @settings(deadline=None)
    @given(labels=st.integers(1, 3), length=st.integers(1, 3), seed=st.integers(0, 1000))
    def test_what_is_written_scores_the_labels_the_same(self, labels: int, length: int, seed: int) -> None:
        """And labellings with START or STOP, which ours does not have, have a score that cannot count."""
        random = np.random.default_rng(seed)
        transitions, none = random.standard_normal((labels, labels)), np.zeros(labels)
        table, emissions = TRANSITIONS_ONLY.to_foreign([transitions]), random.standard_normal((length, labels))
        padded = LABELS_ONLY.to_foreign([emissions.T]).T
        for path in every_path(labels + 2, length):
            if max(path) < labels:
                assert np.isclose(theirs(table, padded, path), ours((transitions, none, none), emissions, path))
            else:
                assert theirs(table, padded, path) < -9000

    @settings(deadline=None)
    @given(labels=st.integers(1, 5), seed=st.integers(0, 1000))
    def test_there_and_back(self, labels: int, seed: int) -> None:
        table = modelzoo_table(labels, seed)
        for change in (TRANSITIONS, TRANSITIONS_ONLY):
            tables = change.to_ours(table)
            assert tuple(part.shape for part in tables) == change.shapes(table.shape)
            for before, after in zip(tables, change.to_ours(change.to_foreign(tables)), strict=True):
                np.testing.assert_array_equal(after, before)

    def test_its_partition_and_best_paths_as_recorded(self) -> None:
        recorded = np.load(RECORDED / "crf.npz")
        tables = plain(recorded["table"].astype(np.float64))
        (rows,) = LABELS_ONLY.to_ours(recorded["emissions"].transpose(2, 0, 1).astype(np.float64))
        paths = list(every_path(3, 4))
        for row, emissions in enumerate(rows.transpose(1, 2, 0)):
            scores = np.array([ours(tables, emissions, path) for path in paths])
            assert np.isclose(np.log(np.exp(scores).sum()), recorded["partition"][row], atol=1e-5)
            assert paths[scores.argmax()] == tuple(recorded["path"][row])

    def test_the_ner_plugin_finds_the_recorded_paths(self) -> None:
        viterbi = pytest.importorskip("bertrun_ner.viterbi")
        recorded = np.load(RECORDED / "crf.npz")
        emissions = recorded["emissions"][..., :3]
        tables = plain(recorded["table"])
        found, _ = viterbi.viterbi_decode(emissions, np.ones(emissions.shape[:2]), *tables)
        np.testing.assert_array_equal(found, recorded["path"])

    @settings(deadline=None)
    @given(labels=st.integers(2, 3), length=st.integers(1, 3), outside=st.integers(0, 1), seed=st.integers(0, 1000))
    def test_between_marks_scores_differ_by_the_same_for_all(
        self, labels: int, length: int, outside: int, seed: int
    ) -> None:
        """In the ModelZoo a sentence stands between [CLS] and [SEP], which are labelled O."""
        table = modelzoo_table(labels, seed)
        emissions = np.random.default_rng(seed + 1).standard_normal((length + 2, labels))
        transitions = TRANSITIONS.to_ours(table)[0]
        tables = (transitions, *between_marks(transitions, outside))
        differences = [
            theirs(table, emissions, (outside, *path, outside)) - ours(tables, emissions[1:-1], path)
            for path in every_path(labels, length)
        ]
        np.testing.assert_allclose(differences, differences[0])

    @pytest.mark.parametrize("place", [(2, 0), (0, 3), (2, 2)])
    @pytest.mark.parametrize("score", [-999.0, 0.0, np.nan])
    def test_a_table_that_may_enter_start_or_leave_stop(self, place: tuple[int, int], score: float) -> None:
        table = modelzoo_table(2, 0)
        table[place] = score
        with pytest.raises(ChangeError, match="START may be entered or STOP left"):
            TRANSITIONS.to_ours(table)

    @pytest.mark.parametrize(
        ("change", "shape"),
        [
            (TRANSITIONS, (4, 5)),
            (TRANSITIONS, (4,)),
            (TRANSITIONS, (2, 2)),
            (TRANSITIONS, ()),
            (LABELS_ONLY, ()),
            (LABELS_ONLY, (2, 8)),
        ],
    )
    def test_shapes_that_are_none_of_a_crf(self, change: Change, shape: tuple[int, ...]) -> None:
        with pytest.raises(ChangeError, match="expected"):
            change.shapes(shape)

    def test_a_file_with_bad_values_is_told_so(self) -> None:
        table = next(table for table in modelzoo.TABLES if "CRF" in table.name)
        found = Translated(InMemory({"loss.transitions": np.zeros((4, 4))}), table)
        with pytest.raises(CheckpointError, match=r"weights: the tensor 'loss\.transitions' .*: START may be"):
            found.read("crf.transitions")


def test_the_lstm_of_both_worlds_is_one() -> None:
    """MindSpore's LSTM of both directions, as the ModelZoo has it, beside the NER plugin's two with the same values."""
    cells = pytest.importorskip("bertrun_ner.heads")
    import mindspore as ms
    from mindspore import Tensor, nn

    there = nn.LSTM(6, 3, batch_first=True, bidirectional=True)
    here = cells.BiLstm(6, seed=1)
    own = dict(here.parameters_and_names())
    for parameter in there.get_parameters():
        parameter.set_data(Tensor(RANDOM.standard_normal(parameter.shape).astype(np.float32)))
        link = modelzoo.TABLES[-3].ours(f"bert.lstm.{parameter.name}")
        assert link is not None
        own.pop(link.ours[0].removeprefix("lstm.")).set_data(parameter.value())
    assert not own
    vectors = Tensor(RANDOM.standard_normal((2, 5, 6)).astype(np.float32))
    expected = there(vectors)[0].asnumpy()
    np.testing.assert_allclose(here(vectors, Tensor(np.ones((2, 5)), ms.int32)).asnumpy(), expected, atol=1e-6)
