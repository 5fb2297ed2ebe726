"""What the task learns from data, keeps, refuses and shows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from bertrun_ner.label_file import read_types
from bertrun_ner.metrics import Tagging
from bertrun_ner.options import NerOptions
from bertrun_ner.plugin import bertrun_register_metrics
from bertrun_ner.sentence import Span, from_text, from_words
from bertrun_ner.task import NerTask

from bert_core import BertrunError, DataError

SCHEMES = {
    "io": ("O PER PER O LOC", ("O", "LOC", "PER")),
    "iob1": ("O I-PER I-PER O I-LOC", ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")),
    "iob2": ("O B-PER I-PER O B-LOC", ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")),
    "bioes": (
        "O B-PER E-PER O S-LOC",
        ("O", "B-LOC", "I-LOC", "E-LOC", "S-LOC", "B-PER", "I-PER", "E-PER", "S-PER"),
    ),
}
SCHEMES["bmes"] = ("O B-PER M-PER E-PER O S-LOC", SCHEMES["bioes"][1])
SCHEMES["bilou"] = ("O B-PER L-PER O U-LOC", SCHEMES["bioes"][1])


def columns(tags: str) -> str:
    return "".join(f"{'ab'[place % 2]}c {tag}\n" for place, tag in enumerate(tags.split()))


def learnt(path: Path, **options: Any) -> NerTask:
    task = NerTask(NerOptions(**options))
    task.learn(task.read(path, "train").examples)
    return task


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(name: str, content: str) -> Path:
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return path

    return write


def refused(task: NerTask, path: Path | None, split: Any = "eval", error: type[BertrunError] = DataError) -> str:
    with pytest.raises(error) as caught:
        task.read(path, split)
    return str(caught.value)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_labels_are_learnt_in_the_scheme_that_is_trained(scheme: str, write: Any) -> None:
    tags, labels = SCHEMES[scheme]
    path = write("train", columns(tags))
    assert learnt(path).labels == labels
    assert learnt(path, tag_scheme=scheme).labels == labels


@pytest.mark.parametrize(
    ("read", "trained"),
    [
        ("I-PER I-PER B-PER O I-LOC", "B-PER I-PER B-PER O B-LOC"),
        ("B-PER M-PER E-PER S-PER O", "B-PER I-PER E-PER S-PER O"),
        ("B-PER I-PER L-PER U-PER O", "B-PER I-PER E-PER S-PER O"),
        ("PER PER O LOC LOC", "PER PER O LOC LOC"),
    ],
    ids=["IOB1 as IOB2", "BMES as BIOES", "BILOU as BIOES", "plain labels as they are"],
)
def test_windows_carry_the_tags_of_the_trained_scheme(read: str, trained: str, write: Any) -> None:
    path = write("train", columns(read))
    task = NerTask(NerOptions())
    examples = task.read(path, "train").examples
    task.learn(examples)
    (window,) = task.encode(examples, Text())
    assert [task.labels[label] for label in window.features["labels"]] == trained.split()
    assert task.reference(examples[0]).tags == tuple(trained.split())


class Text:
    """One piece a word."""

    max_length, cls_id, sep_id, pad_id, unk_id = 64, 2, 3, 0, 1

    def pieces(self, words: Sequence[str]) -> list[list[int]]:
        return [[9] for _ in words]

    def encode(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        raise NotImplementedError


def test_a_file_in_another_scheme_is_read_in_that_of_the_labels(write: Any) -> None:
    task = learnt(write("train", columns("B-PER I-PER O B-LOC")))
    (example,) = task.read(write("eval", columns("B-PER E-PER O S-LOC")), "eval").examples
    assert task.reference(example).tags == ("B-PER", "I-PER", "O", "B-LOC")


JSON_LABELS = 'Write ["PER", "LOC"], {"PER": 0, "LOC": 1} or {"0": "PER", "1": "LOC"}'
CLUENER_LABELS = {"O": 0, "S_address": 1, "B_address": 2, "M_address": 3, "E_address": 4, "S_book": 5, "<START>": 6}


@pytest.mark.parametrize(
    ("content", "types"),
    [
        ("PER\nLOC\n", ["PER", "LOC"]),
        ("\ufeffO\nB-PER\nI-PER\nB-LOC\n\n", ["PER", "LOC"]),
        ("[PAD]\n[CLS]\nO\nPER\n", ["PER"]),
        (json.dumps(CLUENER_LABELS), ["address", "book"]),
        ('{"address": 0, "book": 1}', ["address", "book"]),
        ('\n["PER", "LOC"]', ["PER", "LOC"]),
        ('[ "[PAD]", "O", "B-PER", "I-PER"]', ["PER"]),
        ('{"0": "O", "1": "B-PER", "2": "B-LOC"}', ["PER", "LOC"]),
        ("PER\r\n\tcreative work \r\n\rLOC", ["PER", "creative work", "LOC"]),
    ],
    ids=[
        "types",
        "tags",
        "with special pieces",
        "JSON of tags",
        "JSON of types",
        "JSON list of types",
        "JSON list of tags",
        "JSON of tags by id",
        "types with blanks",
    ],
)
def test_a_label_file_names_types(content: str, types: list[str], write: Any) -> None:
    assert read_types(write("labels", content)) == types


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "the label file names no entity type. Write one type a line, such as PER"),
        ("O\n", "the label file names no entity type. Write one type a line, such as PER"),
        ('{"PER"', "the label file is not JSON: Expecting ':' delimiter: line 1 column 7 (char 6)"),
        ('{"PER": ' + "[" * 99999, "the label file is not JSON: too deep"),
        ("[" * 99999, "the label file names no entity type. Write one type a line, such as PER"),
        ('["PER", 3]', f"the label file's JSON holds something other than labels. {JSON_LABELS}"),
        ('{"0": 3}', f"the label file's JSON holds something other than labels. {JSON_LABELS}"),
        ("{}", "the label file names no entity type. Write one type a line, such as PER"),
    ],
)
def test_a_label_file_without_types_is_refused(content: str, said: str, write: Any) -> None:
    path = write("labels", content)
    with pytest.raises(DataError) as caught:
        read_types(path)
    assert str(caught.value) == f"{path}: {said}"


def test_a_label_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_types(tmp_path / "none")
    assert str(caught.value) == f"{tmp_path}/none: the label file cannot be read: No such file or directory"


def test_labels_are_those_of_the_label_file_also_where_the_data_lacks_some(write: Any) -> None:
    labels = write("labels", "PER\nLOC\nORG\n")
    task = learnt(write("train", columns("B-PER E-PER O S-PER")), label_file=labels)
    assert {label[2:] for label in task.labels} == {"", "PER", "LOC", "ORG"}
    assert {label[0] for label in task.labels} == set("OBIES"), "the scheme is that of the data"


def test_types_that_the_label_file_does_not_list_are_refused(write: Any) -> None:
    labels = write("labels", "PER\nLOC\n")
    path = write("train", columns("B-PER I-PER") + "\n" + columns("O B-ORG B-DATE"))
    assert refused(NerTask(NerOptions(label_file=labels)), path, "train") == (
        f"{path}:4: this sentence has DATE, ORG; the file's types are DATE, ORG, PER, and {labels} lists LOC, PER. "
        "Rename the types, or train on data that has them all"
    )


def test_types_that_were_not_learnt_are_refused_with_both_lists_and_the_line(write: Any) -> None:
    task = learnt(write("train", columns("B-PER I-PER O B-LOC")))
    path = write("eval", columns("O B-PER") + "\n" + columns("B-GPE"))
    assert refused(task, path) == (
        f"{path}:4: this sentence has GPE; the file's types are GPE, PER, and the model knows LOC, PER. "
        "Rename the types, or train on data that has them all"
    )


@pytest.mark.parametrize("content", ["a\nb\n", '{"text": "a b"}\n'])
def test_what_is_not_annotated_is_refused(content: str, write: Any) -> None:
    path = write("eval", content)
    for split in ("train", "eval", "test"):
        said = refused(NerTask(NerOptions()), path, split)
        assert said == f"{path}:1: this sentence is not annotated. `bertrun predict` needs no tags"


def test_a_line_without_annotation_among_others_is_named(write: Any) -> None:
    path = write("eval", '{"text": "ab", "label": {}}\n{"text": "cd"}\n')
    assert refused(NerTask(NerOptions()), path).startswith(f"{path}:2: this sentence is not annotated")


def test_training_data_without_entities_is_refused(write: Any) -> None:
    task = NerTask(NerOptions())
    with pytest.raises(DataError, match=r"no sentence of the training data has an entity\. Is --tag-column right\?"):
        task.learn(task.read(write("train", columns("O O O")), "train").examples)


@pytest.mark.parametrize(
    ("content", "text", "words"),
    [
        ("我 O\n爱 O\n京 B-LOC\n", "去Beijing", list("去Beijing")),
        ('{"text": "我爱京", "label": {"LOC": {"京": [[2, 2]]}}}\n', "ab 京", ["a", "b", "京"]),
        ("We O\nlove O\nit B-LOC\n", "去Beijing, now", ["去", "Beijing", ",", "now"]),
    ],
    ids=["characters in columns", "characters of json lines", "words"],
)
def test_texts_are_cut_into_the_units_of_the_training_data(
    content: str, text: str, words: list[str], write: Any
) -> None:
    task = learnt(write("train", content))
    assert list(task.from_text(text).words()) == words
    again = NerTask(NerOptions(), task.state())
    assert again.from_text(text) == task.from_text(text)


def test_the_state_survives_json_and_gives_the_same_task(write: Any) -> None:
    task = learnt(write("train", columns("B-PER E-PER O S-LOC")))
    again = NerTask(NerOptions(), json.loads(json.dumps(task.state())))
    assert (again.labels, again.state()) == (task.labels, task.state())
    sentence = from_words(["a", "b"], spans=(Span("PER", 0, 2),))
    assert again.reference(sentence) == task.reference(sentence)
    again.learn([from_words(["a"], spans=(Span("NEW", 0, 1),), tags=("B-NEW",))])
    assert again.labels == task.labels, "what was learnt is not learnt again"


@pytest.mark.parametrize(
    ("text", "unit", "span", "shown"),
    [
        ("See  New \tYork's  port", "word", Span("LOC", 1, 3), "New \tYork"),
        (" 我在 北 京。", "character", Span("LOC", 2, 4), "北 京"),
        ("Ana\u3000Duarte😀!", "word", Span("PER", 0, 2), "Ana\u3000Duarte"),
    ],
)
def test_offsets_point_into_the_text_as_it_was_given(text: str, unit: Any, span: Span, shown: str) -> None:
    sentence = from_text(text, unit)
    tags = tuple("O" for _ in sentence.units)
    prediction = Tagging(sentence=sentence, tags=tags, spans=(span,), scores=(0.123456,))
    row = NerTask(NerOptions()).render(sentence, prediction)
    assert row["text"] == text
    (entity,) = row["entities"]
    assert text[entity["start"] : entity["end"]] == entity["surface"] == shown
    assert (entity["type"], entity["score"]) == (span.type, 0.1235)
    assert len(row["tags"]) == len(row["words"]) == len(sentence.units)
    assert "".join(row["words"]) == "".join(text.split())
    assert json.loads(json.dumps(row)) == row


@pytest.mark.parametrize("kind", ["tfrecord", "mindrecord"])
def test_text_that_is_said_to_be_records_is_refused(kind: Any, write: Any) -> None:
    path = write("data", columns("B-PER"))
    said = refused(NerTask(NerOptions(data_format=kind)), path)
    assert said == f"{path}: this is text, and --data-format says {kind}"


def test_elements_of_xml_are_chosen(write: Any) -> None:
    marked = '<w><NAMEX TYPE="LOC">北京</NAMEX></w><w><TIMEX TYPE="DATE">今天</TIMEX></w>'
    path = write("train.xml", f"<root><sentence>{marked}</sentence></root>")
    assert NerTask(NerOptions()).read(path, "train").summary == "1 sentence, 4 units, 2 spans (DATE 1, LOC 1)"
    task = NerTask(NerOptions(xml_elements=("NAMEX",)))
    reading = task.read(path, "train")
    task.learn(reading.examples)
    assert (reading.summary, task.labels) == ("1 sentence, 4 units, 1 span (LOC 1)", ("O", "B-LOC", "I-LOC"))


@pytest.mark.parametrize("metric", ["spans", "conlleval", "cluener", "tokens"])
def test_the_best_score_is_one_that_the_chosen_metric_gives(metric: Any) -> None:
    task = NerTask(NerOptions(metric=metric))
    built: Mapping[str, Any] = {spec.name: spec.build(None) for spec in bertrun_register_metrics()}
    sentence = from_words(["a"])
    tagging = Tagging(sentence=sentence, tags=("B-X",), spans=(Span("X", 0, 1),))
    assert set(task.metrics) == {"spans", metric}
    assert task.metrics[-1] == metric, "its scores win where two metrics have one name"
    assert built[metric]([tagging], [tagging])[task.best] == 1.0


def test_a_crf_is_no_ordinary_parameter() -> None:
    task = NerTask(NerOptions(crf_rate=7.0))
    assert task.rates == {"crf.": 7.0}
    assert task.undecayed == ("crf.",)


def test_a_row_to_predict_has_a_text_or_words() -> None:
    word_task = NerTask(NerOptions())
    assert word_task.from_row({"text": "Ana sang."}) == word_task.from_text("Ana sang.")
    assert word_task.from_row({"words": ["New York", "U.S."], "text": "?"}).words() == ("New York", "U.S.")
    for row in ({"words": []}, {"words": [1]}, {"words": [" "], "text": "x"}, {"txt": "x"}):
        with pytest.raises(DataError, match=r'this JSON line has no "(text|words)"; its keys are: '):
            word_task.from_row(row)
