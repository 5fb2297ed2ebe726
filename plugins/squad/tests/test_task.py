"""What the task reads, learns, refuses and shows, and a whole run of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bertrun_squad.options import SquadOptions
from bertrun_squad.plugin import METRICS, bertrun_register_metrics
from bertrun_squad.prediction import Candidate, Prediction
from bertrun_squad.reader import read_questions
from bertrun_squad.task import SAMPLE, SAMPLE_FILES, SquadTask

from bert_core import BertrunError, DataError
from bert_core.cli.main import run

TINY = (
    "--hidden-size 16 --num-hidden-layers 1 --num-attention-heads 2 --intermediate-size 24 --max-position-embeddings 64"
)


def data(*qas: dict[str, Any], context: str = "Oslo is in Norway.") -> dict[str, Any]:
    return {"data": [{"paragraphs": [{"context": context, "qas": list(qas)}]}]}


def asked(id_: str, *answers: tuple[str, int], **more: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "question": more.pop("question", "What?"),
        "answers": [{"text": text, "answer_start": start} for text, start in answers],
        **more,
    }


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(content: Any, name: str = "file.json") -> Path:
        path = tmp_path / name
        path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        return path

    return write


def test_questions_without_an_answer_at_its_place_are_listed_and_not_learnt(write: Any) -> None:
    path = write(data(asked("a", ("Oslo", 0)), asked("b", ("Oslo", 3)), asked("c", ("Bergen", 0), ("Norway", 11))))
    train = SquadTask(SquadOptions()).read(path, "train")
    assert [one.id for one in train.examples] == ["a", "c"]
    assert train.notes[0] == "1 question is left out, as the text has none of its answers where the file says"
    assert [note.partition(": ")[2] for note in train.notes[1:]] == [
        "question b: the answer 'Oslo' is said to be at 3, where 'o is' is; it is at 0",
        "question c: the answer 'Bergen' is said to be at 0, where 'Oslo i' is; the context has it nowhere",
    ]
    task = SquadTask(SquadOptions())
    scored = task.read(path, "eval")
    assert [task.reference(one) for one in scored.examples] == [("Oslo",), ("Oslo",), ("Norway", "Bergen")]


def test_many_misaligned_answers_are_counted(write: Any) -> None:
    path = write(data(asked("a", ("Oslo", 0)), *(asked(f"b{n}", ("x", 0)) for n in range(30))))
    notes = SquadTask(SquadOptions()).read(path, "train").notes
    assert len(notes) == 22
    assert notes[-1] == "10 more answers are not where the file says"


@pytest.mark.parametrize(
    ("options", "qas", "context", "state"),
    [
        ({}, [asked("a", ("Oslo", 0))], "Oslo", {"version2": False, "metric": "squad"}),
        ({}, [asked("a", ("Oslo", 0)), asked("b", is_impossible=True)], "Oslo", {"version2": True, "metric": "squad2"}),
        ({"version2": True}, [asked("a", ("Oslo", 0))], "Oslo", {"version2": True, "metric": "squad2"}),
        ({}, [asked("a", ("京", 1), question="首都？")], "北京", {"version2": False, "metric": "cmrc"}),
        (
            {"metric": "squad"},
            [asked("a", ("京", 1), question="首都？")],
            "北京",
            {"version2": False, "metric": "squad"},
        ),
    ],
)
def test_the_data_says_which_scores_suit_it(options: Any, qas: Any, context: str, state: Any, write: Any) -> None:
    task = SquadTask(SquadOptions(**options))
    task.learn(task.read(write(data(*qas, context=context)), "train").examples)
    assert task.state() == {**state, "threshold": 0.0}
    again = SquadTask(SquadOptions(), json.loads(json.dumps(task.state())))
    assert (again.state(), again.metrics) == (task.state(), task.metrics)
    built = {spec.name: spec.build(None) for spec in bertrun_register_metrics()}
    assert set(built) == set(METRICS)
    found = built[task.metrics[0]]([Prediction(text="Oslo")], [("Oslo",)])
    assert found[task.best] == 100


class Text:
    """A tokenizer of letters."""

    cls_id, sep_id, pad_id, unk_id, max_length = 2, 3, 0, 1, 80

    def pieces(self, words: Sequence[str]) -> list[list[int]]:
        raise NotImplementedError

    def encode(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        return [9 for _ in text], [(place, place + 1) for place, _ in enumerate(text)]

    def spelled(self, ids: Iterable[int]) -> list[str]:
        raise NotImplementedError


def test_the_threshold_is_that_of_the_evaluation_set_and_is_kept(write: Any) -> None:
    rows = [asked("a", ("Oslo", 0)), asked("b", ("Oslo", 0)), asked("c", is_impossible=True)]
    path = write(data(*rows))
    task = SquadTask(SquadOptions())
    task.learn(task.read(path, "train").examples)
    dev, test = task.read(path, "eval").examples, task.read(path, "test").examples
    windows = task.encode(dev, Text())
    outputs = []
    for window, odds in zip(windows, (1.0, 2.5, 4.0), strict=True):
        logits = np.full((len(window.input_ids), 2), -9, np.float32)
        logits[0] = (odds / 2, odds / 2)
        logits[window.place.first, 0] = logits[window.place.first + 3, 1] = 0
        outputs.append(logits)

    def answers(one: SquadTask, examples: Any) -> list[str]:
        return [found.text for found in one.predict(examples, windows, outputs, {})]

    assert answers(task, test) == ["", "", ""], "before anything was evaluated it is 0"
    assert answers(task, dev) == ["Oslo", "Oslo", ""]
    assert task.state()["threshold"] == 2.5
    assert answers(task, test) == ["Oslo", "Oslo", ""]
    assert answers(SquadTask(SquadOptions(), task.state()), test) == ["Oslo", "Oslo", ""]
    assert answers(SquadTask(SquadOptions(null_threshold=1.5), task.state()), test) == ["Oslo", "", ""]
    task.recall({**task.state(), "threshold": -3.0})
    assert answers(task, test) == ["", "", ""]


def test_without_training_the_data_to_score_says_it(write: Any) -> None:
    task = SquadTask(SquadOptions())
    task.read(write(data(asked("a", ("Oslo", 0)), asked("b", is_impossible=True))), "eval")
    assert task.metrics == ("squad2",)


def test_a_model_that_always_answers_is_not_scored_on_questions_without_answers(write: Any) -> None:
    answered, both = data(asked("a", ("Oslo", 0))), data(asked("a", ("Oslo", 0)), asked("b", is_impossible=True))
    always, may_not = SquadTask(SquadOptions()), SquadTask(SquadOptions(version2=True))
    for task in (always, may_not):
        task.learn(task.read(write(answered), "train").examples)
    with pytest.raises(
        DataError, match=r"question b has no answer in its text, and the model .* Train with --version2"
    ):
        always.read(write(both), "eval")
    assert len(may_not.read(write(both), "eval").examples) == 2
    assert len(SquadTask(SquadOptions()).read(write(both), "eval").examples) == 2


def test_chinese_questions_without_answers_have_the_scores_that_know_them(write: Any) -> None:
    questions = [asked("a", ("Oslo", 0), question="首都是什么"), asked("b", question="为什么", is_impossible=True)]
    for count, metric in ((1, "cmrc"), (2, "squad2")):
        task = SquadTask(SquadOptions())
        task.read(write(data(*questions[:count])), "eval")
        assert task.metrics == (metric,)


def test_what_cannot_be_learnt_from_or_scored_is_refused(write: Any) -> None:
    task = SquadTask(SquadOptions())
    path = write(data({"id": "a", "question": "b"}))
    for split in ("train", "eval"):
        with pytest.raises(
            DataError, match=r'question a has no answer, .* say "is_impossible": true; `bertrun predict`'
        ):
            task.read(path, split)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no question of the training data has an answer"):
        task.learn(task.read(write(data(asked("a", is_impossible=True))), "train").examples)
    with pytest.raises(DataError, match="this is text, and --data-format says tfrecord"):
        SquadTask(SquadOptions(data_format="tfrecord")).read(path, "train")


def test_a_text_to_predict_is_a_question_and_a_context() -> None:
    task = SquadTask(SquadOptions())
    plain = task.from_text("Where is Oslo?\tOslo is\tin Norway.")
    assert (plain.question, plain.context, plain.answers) == ("Where is Oslo?", "Oslo is\tin Norway.", None)
    spelled = task.from_text('{"question": "Where?", "context": "Oslo\\nNorway", "id": 7}')
    assert (spelled.question, spelled.context, spelled.id) == ("Where?", "Oslo\nNorway", "7")
    for text in (
        "Where is Oslo?",
        "",
        "\tOslo",
        "Where?\t ",
        '{"question": "Where?"}',
        '{"question": 1, "context": ""}',
    ):
        with pytest.raises(BertrunError, match=r"has no question and context\. Write QUESTION<TAB>CONTEXT"):
            task.from_text(text)


def test_a_row_to_predict_has_a_question_and_a_context() -> None:
    task = SquadTask(SquadOptions())
    asked = task.from_row({"question": "Where?", "context": "Oslo\tNorway", "id": 7})
    assert (asked.question, asked.context, asked.id, asked.answers) == ("Where?", "Oslo\tNorway", "7", None)
    for name, row in (("context", {"question": "Where?"}), ("question", {"question": " ", "context": "x"})):
        with pytest.raises(DataError, match=f'this JSON line has no "{name}", or none that is a text'):
            task.from_row(row)


def test_a_prediction_is_shown_with_its_place() -> None:
    task = SquadTask(SquadOptions())
    question = task.from_text("Where?\tOslo 😀 Norway")
    best = Candidate(text="Norway", start=7, start_logit=2.0, end_logit=1.5)
    null = Candidate(text="", start=0, start_logit=1.0, end_logit=1.0)
    row = task.render(question, Prediction(text="Norway", n_best=(best, null), null_odds=-1.5))
    assert question.context[row["start"] : row["end"]] == row["answer"] == "Norway"
    assert (row["score"], row["null_odds"]) == (3.5, -1.5)
    assert [one["text"] for one in row["n_best"]] == ["Norway", ""]
    row = task.render(question, Prediction(text="", n_best=(best, null), null_odds=0.5))
    assert (row["answer"], row["start"], row["end"], row["score"]) == ("", None, None, 2.0)
    assert json.loads(json.dumps(row)) == row


def test_an_example_is_named_for_inspection(write: Any) -> None:
    task = SquadTask(SquadOptions())
    first, second = task.read(write(data(asked("a", ("Oslo", 0)), asked("b", is_impossible=True))), "train").examples
    assert task.inspect(first) == ("question a (line 1)", ["What?", "Oslo is in Norway."], ["answered"])
    assert task.inspect(second)[2] == ["impossible"]


def test_the_sample_is_whole_and_no_split_has_a_text_of_another() -> None:
    contexts: list[str] = []
    for split, count in (("train", 84), ("eval", 18), ("test", 18)):
        questions = list(read_questions(SAMPLE / SAMPLE_FILES[split]))
        assert len(questions) == len({one.question for one in questions}) == count
        assert all(one.answers and not one.misaligned for one in questions)
        contexts += {one.context for one in questions}
    assert len(contexts) == len(set(contexts)) == 40


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    """The words of a tiny run on three questions, one of them without an answer."""
    letters = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    (tmp_path / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    second, third = asked("b", ("Oslo", 0), question="Who?"), asked("c", question="Why?", is_impossible=True)
    (tmp_path / "dev.json").write_text(json.dumps(data(asked("a", ("Norway", 11)), second, third)), encoding="utf-8")
    task = "--task squad --max-query-length 8 --doc-stride 6 --max-length 20 --batch-size 4 --learning-rate 1e-2"
    return f"{task} {TINY} --vocab {tmp_path}/vocab.txt"


def test_a_run_trains_scores_predicts_and_writes_the_official_files(
    tiny: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dev, folder = tmp_path / "dev.json", tmp_path / "run"
    assert run(f"{tiny} --train-data {dev} --eval-data {dev} --output {folder} --epochs 2".split()) == 0
    found = {name: json.loads((folder / name).read_text(encoding="utf-8")) for name in OFFICIAL}
    assert [set(one) for one in found.values()] == [{"a", "b", "c"}] * 3
    scores = json.loads((folder / "scores.json").read_text(encoding="utf-8"))["eval"]["scores"]
    assert {"exact", "f1", "HasAns_f1", "NoAns_f1", "best_f1", "best_f1_thresh"} < set(scores)
    lines = (folder / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    assert {row["id"]: row["answer"] for row in map(json.loads, lines)} == found["predictions.json"]
    capsys.readouterr()
    assert run(["predict", str(folder), "--text", "Where?\tOslo is in Norway."]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["question"] == "Where?"
    assert row["answer"] in ("", "Oslo is in Norway."[row["start"] : row["end"]])
    records = tmp_path / "train.tfrecord"
    convert = f"data convert --task squad {tmp_path}/dev.json {records} --vocab {tmp_path}/vocab.txt --max-length 20"
    assert run([*convert.split(), "--max-query-length", "8", "--doc-stride", "6"]) == 0
    assert run(f"{tiny} --train-data {records} --output {tmp_path}/again --max-steps 2".split()) == 0


def test_a_run_that_was_stopped_ends_with_the_same_bytes(tiny: str, tmp_path: Path) -> None:
    dev = tmp_path / "dev.json"
    words = f"{tiny} --train-data {dev} --eval-data {dev} --test-data {dev} --epochs 3 --eval-every 2 --save-every 1"
    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    assert run([*words.split(), "--output", str(straight)]) == 0
    assert run([*words.split(), "--output", str(stopped), "--stop-after", "3"]) == 0
    assert run(["resume", str(stopped)]) == 0
    for name in ("best/model.safetensors", "latest/model.safetensors", "scores.json", *OFFICIAL, "latest/config.json"):
        assert (straight / name).read_bytes() == (stopped / name).read_bytes(), name


OFFICIAL = ("predictions.json", "nbest_predictions.json", "null_odds.json")
