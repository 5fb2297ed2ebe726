"""Questions from SQuAD's and CMRC's files, whole ones and broken ones."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest
from bertrun_squad import paragraphs
from bertrun_squad.question import Answer, Misaligned, Question, describe, misalignments
from bertrun_squad.reader import read_questions
from hypothesis import given
from hypothesis import strategies as st

from bert_core import DataError

DATA = Path(__file__).parents[4] / "shared" / "data"
FORM = 'A file is {"data": [{"paragraphs": [{"context": "...", "qas": [...]}]}]}.'
CHARACTERS = "Write the file with its characters as they are, in UTF-8."


def written(folder, content):
    path = folder / "file"
    if not isinstance(content, str | bytes):
        content = json.dumps(content, ensure_ascii=False)
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def article(*paragraphs):
    return {"title": "A", "paragraphs": list(paragraphs)}


def paragraph(context, *qas):
    return {"context": context, "qas": list(qas)}


def asked(answers=(), **more):
    answers = [{"text": text, "answer_start": start} for text, start in answers]
    return {"id": "q1", "question": "What?", "answers": answers, **more}


def one(folder, context, qa):
    """The only question of a file that has it."""
    (question,) = read_questions(written(folder, {"data": [article(paragraph(context, qa))]}))
    return question


def test_questions_of_the_first_version_have_their_answers(tmp_path):
    content = {
        "version": "1.1",
        "data": [
            article(paragraph("Oslo is in Norway.", asked([("Norway", 11), ("Oslo", 0)]), asked([("is", 5)], id="q2"))),
            article(paragraph("Malmö 😀 grows.", asked([("😀", 6), ("grows", 8)], id=7))),
        ],
    }
    path = written(tmp_path, content)
    context = "Oslo is in Norway."
    assert list(read_questions(path)) == [
        Question("q1", "What?", context, (Answer("Norway", 11), Answer("Oslo", 0)), where=f"{path}:1"),
        Question("q2", "What?", context, (Answer("is", 5),), where=f"{path}:1"),
        Question("7", "What?", "Malmö 😀 grows.", (Answer("😀", 6), Answer("grows", 8)), where=f"{path}:1"),
    ]


def test_questions_of_the_second_version_may_have_none(tmp_path):
    plausible = [{"text": "Oslo", "answer_start": 0}]
    question = one(tmp_path, "Oslo", asked(is_impossible=True, plausible_answers=plausible))
    assert (question.answers, question.is_impossible) == ((), True)
    question = one(tmp_path, "Oslo", asked([("Oslo", 0)], is_impossible=False))
    assert (question.answers, question.is_impossible) == ((Answer("Oslo", 0),), False)


def test_a_test_file_is_not_annotated(tmp_path):
    for qa in ({"id": "a", "question": "b"}, {"id": "a", "question": "b", "answers": []}):
        question = one(tmp_path, "Oslo", qa)
        assert (question.answers, question.is_impossible, question.misaligned) == (None, False, ())


def test_the_context_may_come_after_the_questions(tmp_path):
    content = '{"data": [{"paragraphs": [{"qas": [%s], "context": "Oslo"}], "title": "x"}], "version": "v2.0"}'
    (question,) = read_questions(written(tmp_path, content % json.dumps(asked([("Oslo", 0)]))))
    assert question.answers == (Answer("Oslo", 0),)


def test_lines_are_those_where_a_question_begins(tmp_path):
    content = {"data": [article(paragraph("Oslo", asked(), asked(id="q2")))]}
    path = written(tmp_path, json.dumps(content, indent=1).replace("\n", "\r\n"))
    lines = path.read_text(encoding="utf-8").splitlines()
    for question in read_questions(path):
        number = int(question.where.removeprefix(f"{path}:"))
        assert lines[number - 1].strip() == "{"
        assert question.id in lines[number]


def test_cmrc_in_the_form_of_squad(tmp_path):
    content = {
        "version": "v1.0",
        "data": [
            {
                "id": "DEV_0",
                "title": "战国无双3",
                "paragraphs": [
                    {
                        "id": "DEV_0",
                        "context": "《战国无双3》是由光荣开发的。",
                        "qas": [asked([("光荣", 9), ("光荣", 9), ("光荣开发", 9)], id="DEV_0_QUERY_0")],
                    }
                ],
            }
        ],
    }
    (question,) = read_questions(written(tmp_path, content))
    assert question.id == "DEV_0_QUERY_0"
    assert question.answers == (Answer("光荣", 9), Answer("光荣", 9), Answer("光荣开发", 9))


def test_cmrc_in_its_first_form_has_answers_where_they_occur_first(tmp_path):
    qas = [{"query_id": "TRAIN_0_QUERY_0", "query_text": "谁？", "answers": ["光荣", "索尼"]}]
    content = [{"context_id": "TRAIN_0", "context_text": "光荣和光荣", "qas": qas, "title": "光荣"}]
    (question,) = read_questions(written(tmp_path, content))
    assert (question.id, question.question, question.context) == ("TRAIN_0_QUERY_0", "谁？", "光荣和光荣")
    assert question.answers == (Answer("光荣", 0),)
    assert question.misaligned == (Misaligned("索尼", None, "", None),)


@pytest.mark.parametrize(
    ("text", "start", "misaligned", "sentence"),
    [
        ("Oslo", 1, Misaligned("Oslo", 1, "slo ", 0), "is said to be at 1, where 'slo ' is; it is at 0"),
        ("Oslo", 8, Misaligned("Oslo", 8, " Osl", 9), "is said to be at 8, where ' Osl' is; it is at 9"),
        ("Oslo", 99, Misaligned("Oslo", 99, "", 9), "is said to be at 99, where '' is; it is at 9"),
        ("Oslo", -1, Misaligned("Oslo", -1, "", 0), "is said to be at -1, where '' is; it is at 0"),
        (
            "Rome",
            0,
            Misaligned("Rome", 0, "Oslo", None),
            "is said to be at 0, where 'Oslo' is; the context has it nowhere",
        ),
        ("", -1, Misaligned("", -1, "", None), "is said to be at -1, where '' is; the context has it nowhere"),
    ],
)
def test_answers_that_are_elsewhere_are_listed_and_never_taken(tmp_path, text, start, misaligned, sentence):
    question = one(tmp_path, "Oslo and Oslo", asked([("and", 5), (text, start)]))
    assert question.answers == (Answer("and", 5),)
    assert question.misaligned == (misaligned,)
    assert misalignments([question]) == [f"{tmp_path / 'file'}:1: question q1: the answer {text!r} {sentence}"]


@given(st.text("ab 好😀", min_size=1).filter(str.strip), st.data())
def test_every_answer_is_in_its_context(tmp_path_factory, context, data):
    spans = st.tuples(st.text("ab 好😀", max_size=3), st.integers(-2, 9))
    given_ = data.draw(st.lists(spans, min_size=1))
    question = one(tmp_path_factory.mktemp("squad"), context, asked(given_))
    right = [(text, start) for text, start in given_ if text and start >= 0 and context[start:][: len(text)] == text]
    assert [(answer.text, answer.start) for answer in question.answers] == right
    assert len(question.misaligned) == len(given_) - len(right)
    for wrong in question.misaligned:
        places = [start for start in range(len(context)) if wrong.text and context.startswith(wrong.text, start)]
        begin = min(max(wrong.start, 0), len(context))
        distances = {abs(place - begin) for place in places}
        assert (wrong.nearest is None) == (not places)
        assert not places or abs(wrong.nearest - begin) == min(distances)


def test_pairs_of_surrogates_are_characters_wherever_a_piece_ends(tmp_path):
    for shift in range(12):
        context = "x" * (65_536 - 60 + shift) + "😀\\" * 9
        path = written(tmp_path, json.dumps({"data": [article(paragraph(context, asked()))]}, ensure_ascii=True))
        (question,) = read_questions(path)
        assert question.context == context


def complaint(path, **options):
    with pytest.raises(DataError) as caught:
        list(read_questions(path, **options))
    return str(caught.value).replace(str(path), "file")


def qa(**changes):
    return {"data": [article(paragraph("Oslo", {**asked([("Oslo", 0)]), **changes}))]}


def lone(escape):
    return json.dumps(qa(question="?")).replace("?", escape)


BROKEN = [
    (b"", "file: the file is empty"),
    (b"\xef\xbb\xbf \n", "file: the file is empty"),
    (b"\xef\xbb\xbf", "file: the file is empty"),
    ("{}", f"file:1: the file has no 'data'. {FORM}"),
    ("[]", f"file: the file has no paragraph. {FORM}"),
    ({"data": []}, f"file: the file has no paragraph. {FORM}"),
    ('"text"', f"file:1: the file is a string, not an object. {FORM}"),
    ("[7]", f"file:1: [0] is a number, not an object. {FORM}"),
    ({"data": {}}, f"file:1: data is an object, not an array. {FORM}"),
    ({"data": [None]}, f"file:1: data[0] is null, not an object. {FORM}"),
    ({"data": [article(), {"title": "B"}]}, f"file:1: data[1] has no 'paragraphs'. {FORM}"),
    ({"data": [{"paragraphs": "Oslo"}]}, f"file:1: data[0].paragraphs is a string, not an array. {FORM}"),
    ({"data": [article(True)]}, f"file:1: data[0].paragraphs[0] is a boolean, not an object. {FORM}"),
    ('{"data": [], "data": []}', f"file:1: there is data twice. {FORM}"),
    ('{"data": [{"paragraphs":\n[{"qas": [], "qas": []}]}]}',
     f"file:2: data[0].paragraphs[0] has 'qas' twice in one object. {FORM}"),
    ({"data": [article({"qas": []})]}, "file:1: data[0].paragraphs[0] has no 'context'"),
    ({"data": [article({"context": "Oslo"})]}, "file:1: data[0].paragraphs[0] has no 'qas'"),
    ({"data": [article({"context": " ", "qas": []})]}, "file:1: data[0].paragraphs[0].context is empty"),
    ({"data": [article({"context": ["Oslo"], "qas": []})]},
     "file:1: data[0].paragraphs[0].context is an array, not a string"),
    ({"data": [article(paragraph("Oslo", "What?"))]},
     "file:1: data[0].paragraphs[0].qas[0] is a string, not an object"),
    (qa(id=None), "file:1: data[0].paragraphs[0].qas[0].id is null, not a string"),
    (qa(id=True), "file:1: data[0].paragraphs[0].qas[0].id is a boolean, not a string"),
    (qa(question=""), "file:1: data[0].paragraphs[0].qas[0].question is empty"),
    (qa(is_impossible="no"), "file:1: data[0].paragraphs[0].qas[0].is_impossible is a string, not a boolean"),
    (qa(is_impossible=True), "file:1: data[0].paragraphs[0].qas[0] is said to be impossible, and has 1 answer"),
    (qa(answers="Oslo"), "file:1: data[0].paragraphs[0].qas[0].answers is a string, not an array"),
    (qa(answers=[7]), "file:1: data[0].paragraphs[0].qas[0].answers[0] is a number, not an object"),
    (qa(answers=[{"text": "Oslo"}]), "file:1: data[0].paragraphs[0].qas[0].answers[0] has no 'answer_start'"),
    (qa(answers=[{"text": "Oslo", "answer_start": 0.5}]),
     "file:1: data[0].paragraphs[0].qas[0].answers[0].answer_start is a number, not an integer"),
    (qa(answers=[{"text": "Oslo", "answer_start": True}]),
     "file:1: data[0].paragraphs[0].qas[0].answers[0].answer_start is a boolean, not an integer"),
    ({"data": [article(paragraph("Oslo", asked()), paragraph("Oslo", asked()))]},
     "file:1: data[0].paragraphs[1].qas[0] has the id 'q1' of a question before"),
    (lone("\\ud83d"), f"file:1: \\ud83d is half a surrogate pair, which is no character. {CHARACTERS}"),
    (lone("\\ude00 x"), f"file:1: \\ude00 is half a surrogate pair, which is no character. {CHARACTERS}"),
    (lone("\\\\\\ud83d\\ud83d"),
     f"file:1: \\ud83d\\ud83d is half a surrogate pair, which is no character. {CHARACTERS}"),
    (lone("a\\u0000"), f"file:1: the text holds a NUL character. {CHARACTERS}"),
    (b'{"data":\n\0[]}', "file:2: the line has a NUL character. Is this a text file in UTF-8?"),
    (json.dumps(qa()).encode("utf-16"), "file:1: the byte 0xff at offset 0 is not UTF-8. "
     "Convert the file, for example with `iconv -f utf-16 -t utf-8`."),
    ('{"data": "战国"}'.encode("gb18030"), "file:1: the byte 0xb9 at offset 12 is not UTF-8. "
     "Convert the file, for example with `iconv -f gb18030 -t utf-8`."),
    ('{"data": "好'.encode()[:-1], "file:1: the file ends inside the character at offset 10. "
     "It was cut off; get the whole file."),
    (json.dumps(qa())[:-1], "file:1: the file ends inside its JSON after data[0].paragraphs[0] began. It was cut off."),
    (json.dumps(qa())[:-40],
     "file:1: the file ends inside its JSON after data[0].paragraphs[0] began. It was cut off."),
    ('{"x": ' + "[" * 9_999_999, f"file:1: the file nests deeper than 32 levels. {FORM}"),
    ('{"data": [{"paragraphs": [{"context": ' + '{"a":' * 99_999,
     f"file:1: the file nests deeper than 32 levels. {FORM}"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "sentence"), BROKEN, ids=range(len(BROKEN)))
def test_what_is_wrong_is_said(tmp_path, content, sentence):
    assert complaint(written(tmp_path, content)) == sentence


@pytest.mark.parametrize(
    "content", ["text", "{'data': []}", '{"data": [],}', '{"data": []} x', '{"a": NaN}', '{"a": tru}']
)
def test_what_is_no_json_is_said_to_be_none(tmp_path, content):
    assert complaint(written(tmp_path, "\n" + content)).startswith("file:2: the file is not JSON")


def test_the_line_and_the_paragraph_before_what_is_no_json_are_named(tmp_path):
    content = json.dumps(qa(), indent=1).replace("]\n  }\n ]", "]\n  };\n ]")
    line = content[: content.index(";")].count("\n") + 1
    sentence = complaint(written(tmp_path, content))
    assert sentence.startswith(f"file:{line}: the file is not JSON after data[0].paragraphs[0] began")


def test_paragraphs_before_what_is_no_json_are_read(tmp_path):
    rows = [paragraph("Oslo", asked(id=str(number))) for number in range(3)]
    path = written(tmp_path, json.dumps({"data": [article(*rows)]})[: -len("]}]}")] + "x")
    questions = read_questions(path)
    assert [next(questions).id for _ in rows] == ["0", "1", "2"]
    with pytest.raises(DataError, match=r"not JSON after data\[0\]\.paragraphs\[2\] began"):
        next(questions)


@pytest.mark.parametrize("digits", [5_000, 70_000])
def test_a_number_of_thousands_of_digits_is_no_json(tmp_path, digits):
    assert complaint(written(tmp_path, '{"x": [1, ' + "7" * digits + "}")).startswith("file:1: the file is not JSON")


@pytest.mark.parametrize("start", ['"', '{"x": "', '{"data": [{"paragraphs": [{"context": "'])
def test_a_value_of_a_hundred_megabytes_is_refused_in_bounded_memory(tmp_path, start):
    path = tmp_path / "file"
    with path.open("wb") as stream:
        stream.write(start.encode())
        for _ in range(100):
            stream.write(b"x" * 1_000_000)
    tracemalloc.start()
    try:
        assert "has more than 4,194,304 bytes" in complaint(path)
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()


def test_a_paragraph_of_many_small_values_is_bounded_too(tmp_path):
    content = '{"data": [{"paragraphs": [{"context": "a", "x": [[]' + ",[]" * 1_500_000
    sentence = complaint(written(tmp_path, content))
    assert sentence.startswith("file:1: data[0].paragraphs[0] has more than 4,194,304 bytes")


def test_memory_is_that_of_a_paragraph(tmp_path):
    path = tmp_path / "file"
    with path.open("w", encoding="utf-8") as stream:
        stream.write('{"data": [{"paragraphs": [')
        for number in range(3_000):
            row = paragraph("word " * 1_000, asked([("word", 5)], id=str(number)))
            stream.write(f"{',' if number else ''}{json.dumps(row)}")
        stream.write('], "title": "A"}]}')
    assert path.stat().st_size > 3 * paragraphs.LIMIT
    tracemalloc.start()
    try:
        assert sum(len(question.answers) for question in read_questions(path)) == 3_000
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_bad_questions_may_be_put_aside(tmp_path):
    rows = asked([("Oslo", 0)]), asked(id="q2", question=7), asked(), asked(id="q3")
    bad = []
    questions = read_questions(written(tmp_path, {"data": [article(paragraph("Oslo", *rows))]}), bad=bad)
    assert [question.id for question in questions] == ["q1", "q3"]
    assert [error.what for error in bad] == [
        "data[0].paragraphs[0].qas[1].question is a number, not a string",
        "data[0].paragraphs[0].qas[2] has the id 'q1' of a question before",
    ]


@pytest.mark.parametrize(
    ("questions", "line"),
    [
        ([], "0 questions"),
        ([Question("1", "?", "a", (Answer("a", 0),))], "1 question, 1 answer"),
        ([Question("1", "?", "a"), Question("2", "?", "a")], "2 questions, 2 not annotated"),
        (
            [
                Question("1", "?", "a", (), is_impossible=True),
                Question("2", "?", "a", (), misaligned=(Misaligned("b", 0, "a", None),)),
            ],
            "2 questions, 1 without an answer in the text, 0 answers, "
            "1 answer left out that the text does not have at its place",
        ),
    ],
)
def test_questions_are_described_in_a_line(questions, line):
    assert describe(questions) == line


def real(name):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"real data is not here: {path}")
    return path


@pytest.mark.parametrize(
    ("name", "line"), [("train", "2,786 questions, 2,786 answers"), ("dev", "1,680 questions, 5,035 answers")]
)
def test_real_files_are_read_whole(name, line):
    path = real(f"squad-excerpt/{name}.json")
    questions = list(read_questions(path))
    assert describe(questions) == line
    wanted = [
        (
            qa["id"],
            qa["question"],
            part["context"],
            [(answer["text"], answer["answer_start"]) for answer in qa["answers"]],
        )
        for one in json.loads(path.read_text(encoding="utf-8"))["data"]
        for part in one["paragraphs"]
        for qa in part["qas"]
    ]
    assert [(q.id, q.question, q.context, [(a.text, a.start) for a in q.answers]) for q in questions] == wanted
