"""What is found in examples, each finding beside a count made by hand."""

from __future__ import annotations

from pathlib import Path

from bert_core.datasets.inspection import Fact, Finding, Part, findings, statistics, truncated

CLEAN = [("a", "X"), ("b", "Y"), ("c", "X Y")]


def part(name: str, rows: list[tuple[str, str]]) -> Part:
    return Part(Path(name), [Fact(f"line {n}", (text,), tuple(said.split())) for n, (text, said) in enumerate(rows, 1)])


def found(*parts: Part) -> dict[str, Finding]:
    return {item.kind: item for item in findings(parts)}


def test_clean_data_has_no_findings() -> None:
    assert found(part("train", CLEAN), part("dev", [("d", "Y")])) == {}


def test_texts_that_are_empty() -> None:
    item = found(part("train", [*CLEAN, ("", "X"), (" \t", "X")]))["empty"]
    assert (item.count, item.places, item.matters) == (2, ("line 4", "line 5"), True)
    assert item.line() == "problem: empty: 2 examples of train lack a text (line 4, line 5)"


def test_one_is_said_as_one() -> None:
    parts = [part("train", [("", "X"), ("a", "X"), ("a", "X"), ("a", "Y")]), part("dev", [("a", "Z")])]
    parts.append(Part(Path("test"), [], faults=["line 7"]))
    lines = [item.line() for item in [*findings(parts), *truncated(parts[1], [9], 8)]]
    assert [line.partition(": ")[2].partition(" (")[0] for line in lines] == [
        "empty: 1 example of train lacks a text",
        "duplicates: 1 example of train comes again with the same labels",
        "contradictions: 1 example of train comes again with other labels",
        "wrong: 1 annotation of test was left out",
        "leakage: 1 example of dev is in train too",
        "strange labels: 1 time dev has the label Z, which train does not have",
        "long: 1 example of dev has more than 8 pieces",
    ]


def test_texts_that_come_again_matter_where_their_labels_differ() -> None:
    items = found(part("train", [*CLEAN, ("a", "X"), ("b", "X"), ("a", "X")]))
    assert items.keys() == {"duplicates", "contradictions"}
    again = items["duplicates"]
    assert (again.places, again.matters) == (("line 4 as line 1", "line 6 as line 1"), False)
    assert items["contradictions"].places == ("line 5 as line 2",)
    assert items["contradictions"].matters


def test_texts_of_both_sides_leak() -> None:
    parts = [part("train", CLEAN), part("dev", [("d", "X"), ("c", "X Y")]), part("test", [("a", "X")])]
    assert [(item.kind, item.places) for item in findings(parts)] == [
        ("leakage", ("line 2 as line 3",)),
        ("leakage", ("line 1 as line 1",)),
    ]


def test_labels_that_training_has_not() -> None:
    item = found(part("train", CLEAN), part("dev", [("d", "X Z Z"), ("e", "Z")]))["strange labels"]
    assert (item.count, item.places) == (3, ("line 1", "line 1", "line 2"))
    assert "dev has the label Z, which train does not have" in item.sentence


def test_a_finding_names_five_places_at_most() -> None:
    item = found(part("train", [("", "X")] * 9))["empty"]
    assert (item.count, len(item.places)) == (9, 5)
    assert item.line().endswith("line 5, ...)")


def test_what_is_longer_than_a_window() -> None:
    (item,) = truncated(part("train", CLEAN), [8, 9, 10], 8)
    assert (item.count, item.places, item.matters) == (2, ("line 2", "line 3"), False)
    assert list(truncated(part("train", CLEAN), [8, 8, 8], 8)) == []


def test_statistics() -> None:
    facts = [Fact("", ("x" * (n + 1),), ("L",) * (n % 2)) for n in range(100)]
    said = statistics(facts, [7] * 100)
    assert said["examples"] == 100
    assert said["without a label"] == 50
    assert said["labels"] == {"L": 50}
    assert said["characters"] == {"mean": 50.5, "least": 1, "median": 51, "90 %": 91, "99 %": 100, "most": 100}
    assert said["pieces"] == {"mean": 7.0, "least": 7, "median": 7, "90 %": 7, "99 %": 7, "most": 7}
    assert "pieces" not in statistics(facts, None)
    assert statistics([], None)["characters"] == {}


def test_numbers_are_told_by_their_spread() -> None:
    facts = [Fact("", ("x",), (number,)) for number in (0.0, 5.0, 1.0)] + [Fact("", ("x",), ())]
    said = statistics(facts, None)
    assert said["without a label"] == 1
    assert said["target"] == {"count": 3, "least": 0.0, "greatest": 5.0, "mean": 2.0, "deviation": 2.1602}
    assert "labels" not in said


def test_several_labels_of_an_example_count_each() -> None:
    said = statistics([Fact("", ("x",), ("A", "B")), Fact("", ("y",), ("B",)), Fact("", ("z",), ())], None)
    assert (said["labels"], said["without a label"], said["examples"]) == ({"B": 2, "A": 1}, 1, 3)


def test_numbers_of_the_same_text_may_contradict_and_none_is_strange() -> None:
    train = Part(Path("train"), [Fact("line 1", ("a",), (1.0,)), Fact("line 2", ("a",), (2.0,))])
    dev = Part(Path("dev"), [Fact("line 1", ("b",), (3.5,))])
    assert found(train, dev).keys() == {"contradictions"}
