"""A file cut into parts: nothing lost, nothing twice, alike texts on one side."""

from __future__ import annotations

from pathlib import Path

import pytest

from bert_core.datasets.splitting import Unit, shares, split, unit_of
from bert_core.errors import DataError, UsageError

INTO = {"train": 0.7, "dev": 0.2, "test": 0.1}


def write(path: Path, content: str) -> Path:
    path.write_bytes(content.encode())
    return path


def parts(folder: Path) -> dict[str, str]:
    return {name: (folder / f"{name}.txt").read_text(encoding="utf-8") for name in INTO}


@pytest.mark.parametrize("unit", ["line", "block"])
def test_every_unit_is_in_one_part_in_the_files_order(tmp_path: Path, unit: Unit) -> None:
    ending = "\n" if unit == "line" else "\nb O\n\n"
    units = [f"{number} O{ending}" for number in range(2000)]
    path = write(tmp_path / "all.txt", "".join(units))
    counts = split(path, tmp_path / "parts", INTO, seed=0, unit=unit, header=False)
    order = {text: number for number, text in enumerate(units)}
    cut = {
        name: [f"{one}{ending}" for one in text.split(ending)[:-1]] for name, text in parts(tmp_path / "parts").items()
    }
    assert sorted((text for texts in cut.values() for text in texts), key=order.__getitem__) == units
    for name, texts in cut.items():
        assert texts == sorted(texts, key=order.__getitem__)
        assert counts[name] == len(texts)
        assert abs(len(texts) - 2000 * INTO[name]) < 90  # more than four deviations of a binomial


def test_what_comes_twice_stays_on_one_side(tmp_path: Path) -> None:
    path = write(tmp_path / "all.txt", "".join(f"{number % 50}\n" for number in range(500)))
    split(path, tmp_path / "parts", INTO, seed=0, unit="line", header=False)
    sides = [set(text.splitlines()) for text in parts(tmp_path / "parts").values()]
    assert sum(map(len, sides)) == 50


def test_the_seed_decides(tmp_path: Path) -> None:
    path = write(tmp_path / "all.txt", "".join(f"{number}\n" for number in range(100)))
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        split(path, tmp_path / name, INTO, seed=seed, unit="line", header=False)
    assert parts(tmp_path / "a") == parts(tmp_path / "b") != parts(tmp_path / "c")


def test_a_header_goes_into_every_part(tmp_path: Path) -> None:
    path = write(tmp_path / "all.txt", "text\tlabel\n" + "".join(f"{number}\tx\n" for number in range(50)))
    split(path, tmp_path / "parts", INTO, seed=0, unit="line", header=True)
    assert all(text.startswith("text\tlabel\n") for text in parts(tmp_path / "parts").values())


def test_a_last_line_without_an_end_gets_one(tmp_path: Path) -> None:
    path = write(tmp_path / "all.txt", "a O\n\nb O")
    split(path, tmp_path / "parts", {"train": 1.0}, seed=0, unit="block", header=False)
    assert (tmp_path / "parts" / "train.txt").read_text() == "a O\n\nb O\n\n"


@pytest.mark.parametrize(
    ("content", "unit"),
    [('{"text": "a"}\n\n', "line"), ("a O\n\nb O\n", "block"), ("a\tx\nb\ty\n", "line"), ("", "line")],
)
def test_what_stays_together_is_recognised(tmp_path: Path, content: str, unit: str) -> None:
    assert unit_of(write(tmp_path / "all", content)) == unit


@pytest.mark.parametrize(
    "content",
    [
        '{"version": "1.1", "data": [{"title": "a", "paragraphs": []}]}',
        '{"data": [' + '{"title": "a", "paragraphs": []}, ' * 40_000 + "]}",
        '{\n  "version": "1.1",\n  "data": []\n}\n',
        '\ufeff\n{"version": "1.1",\n "data": []}\n',
        '[{"context_id": "1"}]',
        "[\n  {}\n]\n",
        '<?xml version="1.0"?>\n<root/>\n',
        "<root><sentence>a</sentence></root>\n",
        '<doc id="1">\nA\n\nB\n</doc>\n',
    ],
)
def test_a_document_is_not_cut_at_its_lines(tmp_path: Path, content: str) -> None:
    with pytest.raises(DataError, match="this is one document, whose lines are no examples"):
        unit_of(write(tmp_path / "all", content))


@pytest.mark.parametrize("content", ["{ O\n\n} O\n", "<s> O\n\na O\n", "[ O\n\n] O\n", "[1] see\n\nb\n"])
def test_words_that_look_like_the_beginning_of_a_document_are_words(tmp_path: Path, content: str) -> None:
    assert unit_of(write(tmp_path / "all", content)) == "block"


@pytest.mark.parametrize("said", ["train", "train=0.5", "train=0.5,train=0.5", "train=1.5,dev=-0.5", "a/b=1", "=1", ""])
def test_shares_that_make_no_whole_are_refused(said: str) -> None:
    with pytest.raises(UsageError, match=r"train=0\.8,dev=0\.1,test=0\.1"):
        shares(said)


def test_shares() -> None:
    assert shares("train=0.8, dev=0.2") == {"train": 0.8, "dev": 0.2}


def test_nothing_is_replaced_and_an_empty_file_leaves_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "all.txt", "a\n")
    write(tmp_path / "dev.txt", "mine\n")
    with pytest.raises(UsageError, match="this is there already"):
        split(path, tmp_path, INTO, seed=0, unit="line", header=False)
    assert (tmp_path / "dev.txt").read_text() == "mine\n"
    with pytest.raises(DataError, match="the file is empty"):
        split(write(tmp_path / "none.txt", "\n"), tmp_path / "parts", INTO, seed=0, unit="line", header=False)
    assert not (tmp_path / "parts").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("text\tlabel\na\tb\n".encode("utf-16"), r"all\.tsv:1: the byte 0xff at offset 0 is not UTF-8"),
        ("text\n好的\n".encode("gb18030"), r"all\.tsv:2: the byte 0xba at offset 5 is not UTF-8.*gb18030"),
        (b"a\nb\0c\n", r"all\.tsv:2: the line has a NUL character"),
    ],
)
def test_what_is_no_text_in_utf_8_is_not_cut(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "all.tsv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        split(path, tmp_path / "parts", INTO, seed=0, unit="line", header=False)
    assert not (tmp_path / "parts").exists()
