"""What the task learns from data, keeps, refuses, encodes and shows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from bertrun_classifier.example import Example
from bertrun_classifier.options import SINGLE, ClassifierOptions, Dataset
from bertrun_classifier.plugin import METRICS as INSTALLED
from bertrun_classifier.presets import METRICS, PRESETS
from bertrun_classifier.task import ClassifierTask
from bertrun_classifier.truncation import cut_pair, cut_single, slide
from hypothesis import given
from hypothesis import strategies as st

from bert_core import DataError, UsageError

DATA = Path(__file__).parents[4] / "shared" / "data"
real = pytest.mark.skipif(not DATA.is_dir(), reason="the real data in shared/data is not here")


class Text:
    """A tokenizer whose pieces are the characters that are not blank."""

    cls_id, sep_id, pad_id, unk_id = 2, 3, 0, 1

    def __init__(self, max_length: int = 20) -> None:
        self.max_length = max_length

    def encode(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        return [ord(letter) for letter in text if letter != " "], []

    def pieces(self, words: Sequence[str]) -> list[list[int]]:
        raise AssertionError("texts are encoded whole")

    def spelled(self, ids: Iterable[int]) -> list[str]:
        return [chr(number) for number in ids]


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(name: str, content: str) -> Path:
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return path

    return write


def learnt(path: Path, **options: Any) -> ClassifierTask:
    task = ClassifierTask(ClassifierOptions(**options))
    task.learn(task.read(path, "train").examples)
    return task


THREE = "text\tlabel\nab\tred\ncd\tblue\nef\tred\ngh\tgreen\n"
SETS = '{"text": "ab", "label": ["red", "blue"]}\n{"text": "cd", "label": []}\n{"text": "ef", "label": "red"}\n'
NUMBERS = "a,b,y\nab,cd,1.5\nef,gh,-2\n"


def test_classes_are_learnt_in_an_order_that_rows_do_not_change(write: Any) -> None:
    assert learnt(write("one", THREE)).labels == ("blue", "green", "red")
    header, *rows = THREE.splitlines()
    assert learnt(write("other", "\n".join([header, *reversed(rows)]))).labels == ("blue", "green", "red")
    assert learnt(write("ids", "text\tlabel\na\t10\nb\t9\n")).labels == ("9", "10")
    labels = write("labels", "red\ngreen\nblue\n")
    assert learnt(write("one", THREE), label_file=labels).labels == ("red", "green", "blue")
    assert learnt(write("snli", "question\tsentence\tlabel\na\tb\tentailment\n"), dataset="qnli").labels == (
        "entailment",
        "not_entailment",
    )


def test_another_file_is_mapped_by_name(write: Any) -> None:
    task = learnt(write("train", THREE))
    examples = task.read(write("eval", "label,text\ngreen,x\nblue,y\n"), "eval").examples
    assert [window.features["labels"] for window in task.encode(examples, Text())] == [1, 0]


def test_a_class_that_was_not_learnt_is_refused_with_its_line(write: Any) -> None:
    task, path = learnt(write("train", THREE)), write("eval", "text,label\na,red\nb,pink\n")
    with pytest.raises(DataError, match=rf"{path}:3: the class pink is none .* the model knows blue, green, red"):
        task.read(path, "eval")
    labels = write("labels", "red\nblue\n")
    with pytest.raises(DataError, match="the class green is none of those that there are; the classes are red, blue"):
        learnt(write("train", THREE), label_file=labels)


def test_what_has_no_label_is_left_out_and_said_or_refused(write: Any) -> None:
    task = ClassifierTask(ClassifierOptions(dataset="mnli"))
    rows = "sentence1\tsentence2\tgold_label\na\tb\t-\nc\td\tneutral\n"
    reading = task.read(write("train", rows), "train")
    assert (reading.summary, reading.notes) == ("1 pair (neutral 1)", ("1 without a label is left out",))
    with pytest.raises(DataError, match=r"no example has a label\. `bertrun predict` needs no labels"):
        task.read(write("test", "sentence1\tsentence2\na\tb\n"), "test")


def test_doubtful_numbers_of_classes_are_refused(write: Any) -> None:
    with pytest.raises(DataError, match="the training data has one class alone, red"):
        learnt(write("train", "text,label\na,red\n"))
    with pytest.raises(DataError, match="there are 3 classes, and --num-labels says 2: blue, green, red"):
        learnt(write("train", THREE), num_labels=2)


@pytest.mark.parametrize("kind", ["classes", "sets", "numbers"])
def test_the_state_survives_json_and_gives_the_same_task(kind: str, write: Any) -> None:
    content: tuple[str, dict[str, Any]] = {
        "classes": (THREE, {"class_weights": "balanced"}),
        "sets": (SETS, {"multi_label": True, "class_weights": "balanced"}),
        "numbers": (NUMBERS, {"regression": True, "text_column": "a", "pair_column": "b", "label_column": "y"}),
    }[kind]
    task = learnt(write("train", content[0]), **content[1])
    again = ClassifierTask(ClassifierOptions(**content[1]), json.loads(json.dumps(task.state())))
    assert (again.labels, again.state(), again.best) == (task.labels, task.state(), task.best)
    examples = task.read(write("train", content[0]), "train").examples
    assert again.encode(examples, Text()) == task.encode(examples, Text())
    assert list(map(again.reference, examples)) == list(map(task.reference, examples))


def test_sets_of_classes_become_rows_of_ones(write: Any) -> None:
    task = learnt(write("train", SETS), multi_label=True, class_weights="balanced")
    examples = task.read(write("train", SETS), "train").examples
    rows = [window.features for window in task.encode(examples, Text())]
    assert [row["labels"] for row in rows] == [[1, 1], [0, 0], [0, 1]]
    assert [row["weights"] for row in rows] == [[2.0, 0.5], [1.0, 1.0], [1.0, 0.5]]
    (prediction,) = task.predict(
        examples[:1], task.encode(examples[:1], Text()), [np.array([-0.5, 0.5], np.float32)], {}
    )
    assert task.render(examples[0], prediction) == {
        "text": "ab",
        "labels": ["red"],
        "probabilities": {"blue": 0.3775, "red": 0.6225},
    }


def test_balanced_weights_make_all_classes_count_alike(write: Any) -> None:
    task = learnt(write("train", THREE), class_weights="balanced")
    windows = task.encode(task.read(write("train", THREE), "train").examples, Text())
    weights = [(window.features["labels"], window.features["weights"]) for window in windows]
    sums = {label: sum(w for other, w in weights if other == label) for label in range(3)}
    assert sums == pytest.approx({0: 4 / 3, 1: 4 / 3, 2: 4 / 3})


def test_weights_of_a_file_go_by_name(write: Any) -> None:
    weights = write("weights", "red\t0.5\ngreen 2\n\nblue 1e1\n")
    task = learnt(write("train", THREE), class_weights=str(weights))
    assert task.state()["weights"] == [10.0, 2.0, 0.5]
    for content, said in [
        ("red 1\n", "the class 'blue' has no weight"),
        ("pink 1\n", ":1: there is no class 'pink'"),
        ("red 1\nred 2\n", ":2: the class 'red' comes twice"),
        ("red -1\n", ":1: 'red -1' is no class with its weight"),
        ("red\n", ":1: 'red' is no class with its weight"),
    ]:
        with pytest.raises(DataError, match=said):
            learnt(write("train", THREE), class_weights=str(write("weights", content)))


@given(
    first=st.lists(st.integers(0, 9), max_size=12),
    second=st.lists(st.integers(10, 19), max_size=12),
    room=st.integers(1, 15),
)
def test_pairs_are_cut_as_googles_script_cuts_them(first: list[int], second: list[int], room: int) -> None:
    one, other = list(first), list(second)
    while len(one) + len(other) > room:  # what run_classifier.py says of _truncate_seq_pair
        (one if len(one) > len(other) else other).pop()
    assert cut_pair(first, second, room) == (one, other)


@given(pieces=st.lists(st.integers(), max_size=30), room=st.integers(1, 20))
def test_of_a_single_text_a_stretch_at_each_end_is_kept(pieces: list[int], room: int) -> None:
    assert cut_single(pieces, room, "head") == pieces[:room]
    assert cut_single(pieces, room, "tail") == pieces[-room:]
    both = cut_single(pieces, room, "head-tail")
    head = min(room // 4, len(pieces))
    assert len(both) == min(room, len(pieces))
    assert both[:head] == pieces[:head]
    assert both[head:] == pieces[len(pieces) - len(both) + head :]


def test_windows_have_special_pieces_and_types_and_cuts_are_counted(write: Any) -> None:
    task = learnt(write("train", NUMBERS), regression=True, text_column="a", pair_column="b", label_column="y")
    pair = task.from_text("abcd\tef")
    (window,) = task.encode([pair], Text(9))
    assert (list(window.input_ids), list(window.token_type_ids)) == (
        [2, *map(ord, "abcd"), 3, *map(ord, "ef"), 3],
        [0] * 6 + [1] * 3,
    )
    assert task.encoding_notes() == ()
    task.encode([pair, pair], Text(8))
    (note,) = task.encoding_notes()
    assert note.startswith("2 of 2 were longer than --max-length and were cut")


@given(st.lists(st.integers(), max_size=40), st.integers(1, 9), st.none() | st.integers(1, 12))
def test_windows_show_every_piece_and_none_is_needless(pieces: list[int], room: int, stride: int | None) -> None:
    shown = slide(pieces, room, stride)
    step = min(room, stride or max(1, room // 2))
    starts = [0]
    while starts[-1] + room < len(pieces):  # Google's loop over a context, in words
        starts.append(starts[-1] + step)
    assert shown == [pieces[start : start + room] for start in starts]
    assert {place for start in starts for place in range(start, min(start + room, len(pieces)))} == set(
        range(len(pieces))
    )


def test_a_long_text_goes_through_windows_that_weigh_as_much_as_a_short_one(write: Any) -> None:
    task = learnt(write("train", THREE), truncate="windows", class_weights="balanced")
    long, short = Example("abcdefghi", label="red"), Example("jk", label="red")
    *three, one = task.encode([long, short], Text(6))
    letters = [list(map(chr, list(window.input_ids)[1:-1])) for window in (*three, one)]
    assert letters == [list("abcd"), list("cdef"), list("efgh"), list("ghi"), list("jk")]
    assert [window.example for window in (*three, one)] == [0, 0, 0, 0, 1]
    assert sum(window.features["weights"] for window in three) == pytest.approx(one.features["weights"])
    assert {window.features["labels"] for window in (*three, one)} == {2}
    assert task.encoding_notes() == ("1 of 2 were longer than --max-length and took 4 windows",)
    task.encode([short], Text(6))
    assert task.encoding_notes() == ()


@pytest.mark.parametrize(("pooling", "label"), [("mean", "green"), ("max", "blue")])
def test_logits_of_windows_are_joined(pooling: str, label: str, write: Any) -> None:
    task = learnt(write("train", THREE), truncate="windows", window_stride=4, window_pooling=pooling)
    asked = [Example("abcdefgh"), Example("x")]
    windows = task.encode(asked, Text(6))
    assert [window.example for window in windows] == [0, 0, 1]
    logits = [np.array(row, np.float32) for row in ([5, 4, 0], [0, 4, 0], [0, 0, 9])]
    first, second = task.predict(asked, windows, logits, {})
    assert [task.render(one, two)["label"] for one, two in zip(asked, (first, second), strict=True)] == [label, "red"]


def test_how_much_was_cut_is_said(write: Any) -> None:
    task = learnt(write("train", THREE), truncate="tail")
    task.encode([Example("abcdefgh"), Example("xy")], Text(6))
    (note,) = task.encoding_notes()
    assert note == "1 of 2 were longer than --max-length and were cut; kept: tail; 40.0% of all pieces were left out"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"truncate": "windows", "pair_column": "b"}, "--truncate windows is for single texts"),
        ({"truncate": "windows", "dataset": "mnli"}, "--truncate windows is for single texts"),
        ({"window_stride": 3}, "--window-stride is of no use to --truncate head"),
        ({"truncate": "windows", "dataset": "iflytek", "window_stride": 3}, None),
    ],
)
def test_windows_are_for_single_texts(options: dict[str, Any], said: str | None) -> None:
    problems = list(ClassifierOptions(**options).problems())
    assert [said is not None and said in problem for problem in problems] == [True] * (said is not None)


def test_sets_of_single_texts_are_those_without_a_second_column() -> None:
    assert set(SINGLE) == {name for name, columns in PRESETS.items() if columns.pair is None}


def test_pairs_are_told_by_a_tab_or_by_json(write: Any) -> None:
    task = learnt(write("train", NUMBERS), regression=True, text_column="a", pair_column="b", label_column="y")
    assert task.from_text("a b\tc") == task.from_text('{"text": "a b", "pair": "c"}')
    assert task.render(task.from_text("a\tb"), 1.23456) == {"text": "a", "pair": "b", "score": 1.2346}
    with pytest.raises(DataError, match="this model reads pairs, and 'alone' is one text"):
        task.from_text("alone")
    single = learnt(write("one", THREE))
    assert single.from_text('a\tb {"c"}').text == 'a\tb {"c"}'


def test_the_file_of_class_weights_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert ClassifierOptions(class_weights="here/weights").class_weights == str(tmp_path / "here" / "weights")
    assert ClassifierOptions(class_weights="/else/weights").class_weights == "/else/weights"
    assert ClassifierOptions(class_weights="balanced").class_weights == "balanced"


def test_a_row_to_predict_has_one_text_or_two(write: Any) -> None:
    pairs = learnt(write("train", NUMBERS), regression=True, text_column="a", pair_column="b", label_column="y")
    wanted = pairs.from_text("x y\tz")
    for names in (("a", "b"), ("text", "text_b"), ("text", "pair"), ("text_a", "text_b")):
        assert pairs.from_row(dict(zip(names, ("x y", "z"), strict=True))) == wanted
    assert learnt(write("one", THREE)).from_row({"text": "x\ty", "id": 3}).text == "x\ty"
    with pytest.raises(DataError, match='no "b" or "text_b" or "pair" that is a text; its keys are: text'):
        pairs.from_row({"text": "x"})
    with pytest.raises(DataError, match='no "a" or "text" or "text_a" that is a text; its keys are: a, b'):
        pairs.from_row({"a": 3, "b": "z"})


def test_a_prediction_is_shown_by_name_with_probabilities(write: Any) -> None:
    task = learnt(write("train", THREE))
    asked = [task.from_text("x")]
    (prediction,) = task.predict(asked, task.encode(asked, Text()), [np.log(np.array([1, 2, 7], np.float32))], {})
    assert task.render(task.from_text("x"), prediction) == {
        "text": "x",
        "label": "red",
        "probability": 0.7,
        "probabilities": {"blue": 0.1, "green": 0.2, "red": 0.7},
    }
    (example, *_) = task.read(write("train", THREE), "train").examples
    assert task.render(example, task.reference(example)) == {"text": "ab", "label": "red"}


def test_the_best_score_is_one_that_the_metrics_give(write: Any) -> None:
    from bertrun_classifier import metrics

    two = "text,label\na,x\nb,y\nc,y\n"
    for content, options in [
        *((THREE, {"metric": name}) for name in ("auto", "accuracy", "f1", "macro-f1", "mcc", "matthews")),
        *((two, {"metric": name}) for name in ("f1", "macro-f1")),
        *((SETS, {"multi_label": True, "metric": name}) for name in ("auto", "accuracy", "f1", "macro-f1")),
        ("text,label\na,1\nb,2.5\n", {"regression": True}),
        ("text,label\na,1\nb,2.5\n", {"regression": True, "metric": "pearson"}),
    ]:
        task = learnt(write("train", content), confusion=True, **options)
        references = [task.reference(one) for one in task.read(write("train", content), "train").examples]
        scores: dict[str, float] = {}
        for name in task.metrics:
            assert name in INSTALLED
            scores |= getattr(metrics, name.replace("-", "_"))(references, references)
        assert scores[task.best] == pytest.approx(1.0), options


def test_presets_have_the_score_of_their_benchmark() -> None:
    assert get_args(Dataset) == tuple(PRESETS)
    assert set(METRICS) <= set(PRESETS)
    best = {name: ClassifierTask(ClassifierOptions(dataset=name)).best for name in ("cola", "stsb", "tnews", "rte")}
    assert best == {"cola": "matthews", "stsb": "spearman", "tnews": "accuracy", "rte": "accuracy"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"regression": True, "multi_label": True}, "contradict"),
        ({"dataset": "cola", "multi_label": True}, "has one label an example"),
        ({"dataset": "cola", "regression": True}, "has classes"),
        ({"dataset": "stsb", "metric": "f1"}, "does not score these labels"),
        ({"metric": "spearman"}, "does not score these labels"),
        ({"multi_label": True, "metric": "mcc"}, "does not score sets"),
        ({"regression": True, "class_weights": "balanced"}, "are about classes"),
    ],
)
def test_contradictions_are_said(options: dict[str, Any], said: str) -> None:
    (problem,) = ClassifierOptions(**options).problems()
    assert said in problem


def test_the_sample_is_read_with_nothing_given_and_refused_where_it_does_not_fit() -> None:
    task = ClassifierTask(ClassifierOptions())
    parts = [task.read(None, split).examples for split in ("train", "eval", "test")]
    assert [len(part) for part in parts] == [120, 24, 32]
    texts = [example.text for part in parts for example in part]
    assert len(set(texts)) == 176
    for part in parts:
        assert {example.label for example in part} == {"account", "billing", "delivery", "product"}
    with pytest.raises(UsageError, match="the embedded sample has single texts"):
        ClassifierTask(ClassifierOptions(regression=True)).read(None, "train")


def test_records_come_back_as_the_same_windows(write: Any, tmp_path: Path) -> None:
    for content, options in [
        (THREE, {}),
        (SETS, {"multi_label": True}),
        (NUMBERS, {"regression": True, "text_column": "a", "pair_column": "b", "label_column": "y"}),
    ]:
        task = learnt(write("train", content), **options)
        examples = task.read(write("train", content), "train").examples
        rows = [
            (f"record {number}", {name: np.array(values) for name, values in row.items()})
            for number, row in enumerate(task.to_records(examples, Text()))
        ]
        write("labels.txt", "".join(f"{label}\n" for label in task.record_labels()))
        again = ClassifierTask(ClassifierOptions(**options))
        reading = again.from_records(rows, Text(), tmp_path / "train.tfrecord")
        again.learn(reading.examples)
        assert again.labels == task.labels
        assert again.encode(reading.examples, Text()) == task.encode(examples, Text())
        assert [again.inspect(one)[2] for one in reading.examples] == [task.inspect(one)[2] for one in examples]


def test_without_a_label_file_classes_are_called_by_their_ids(tmp_path: Path) -> None:
    row = {"input_ids": [2, 97, 3], "attention_mask": [1] * 3, "token_type_ids": [0] * 3}
    rows = [("r", {n: np.array(v) for n, v in {**row, "labels": [label]}.items()}) for label in (0, 11, 2)]
    task = ClassifierTask(ClassifierOptions())
    reading = task.from_records(rows, Text(), tmp_path / "x.tfrecord")
    task.learn(reading.examples)
    assert task.labels == ("0", "2", "11")
    assert reading.notes == ("there is no --label-file and no labels.txt, so classes are called by their ids",)
    (tmp_path / "labels.txt").write_text("a\nb\nc\n", encoding="utf-8")
    with pytest.raises(DataError, match="r: the label id 11 is beyond the 3 classes"):
        ClassifierTask(ClassifierOptions()).from_records(rows, Text(), tmp_path / "x.tfrecord")


@real
def test_real_sets_are_read_whole() -> None:
    tnews = ClassifierTask(ClassifierOptions(dataset="tnews"))
    train = tnews.read(DATA / "tnews-excerpt" / "train.tsv", "train")
    tnews.learn(train.examples)
    assert (len(train.examples), len(tnews.labels)) == (4000, 15)
    assert len(tnews.read(DATA / "tnews-excerpt" / "dev.json", "eval").examples) == 800
    stsb = ClassifierTask(ClassifierOptions(dataset="stsb"))
    assert len(stsb.read(DATA / "stsb-excerpt" / "sts-train.csv", "train").examples) == 1500
    assert len(stsb.read(DATA / "stsb-excerpt" / "sts-dev.csv", "eval").examples) == 500
