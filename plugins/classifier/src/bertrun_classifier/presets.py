"""Published sets by name, as data: the columns of each, its classes and the dialect of its files.

GLUE: the files that https://gluebenchmark.com gives, tab-separated, without quoting; test files have no label, and
those of CoLA alone begin with the names of columns. CLUE: https://www.cluebenchmarks.com, JSON lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .columns import ANY_NUMBER, Columns
from .options import ClassifierOptions

_YES_NO = ("0", "1")
_INFERENCE = ("contradiction", "entailment", "neutral")
_ENTAILED = ("entailment", "not_entailment")
_UNDECIDED = ("-",)

# 105 and 111 do not occur: https://github.com/CLUEbenchmark/CLUE, labels.json of TNEWS.
_NEWS = {
    "news_story": "100",
    "news_culture": "101",
    "news_entertainment": "102",
    "news_sports": "103",
    "news_finance": "104",
    "news_house": "106",
    "news_car": "107",
    "news_edu": "108",
    "news_tech": "109",
    "news_military": "110",
    "news_travel": "112",
    "news_world": "113",
    "news_stock": "114",
    "news_agriculture": "115",
    "news_game": "116",
}

_STS_BENCHMARK = ("genre", "filename", "year", "old_index", "score", "sentence1", "sentence2")


def _single(text: str, label: str, labels: Sequence[str], *, headless: tuple[str, ...] = ()) -> Columns:
    return Columns(text=text, label=label, labels=tuple(labels), headless=headless, test_files=True)


def _pairs(text: str, pair: str, label: str, labels: Sequence[str], *, undecided: tuple[str, ...] = ()) -> Columns:
    return Columns(text=text, pair=pair, label=label, labels=tuple(labels), undecided=undecided, test_files=True)


GLUE: Mapping[str, Columns] = {
    "cola": _single("sentence", "label", _YES_NO, headless=("source", "label", "mark", "sentence")),
    "sst2": _single("sentence", "label", _YES_NO),
    "mrpc": _pairs("#1 String", "#2 String", "Quality", _YES_NO),
    "stsb": Columns(
        text="sentence1",
        pair="sentence2",
        label="score",
        scores=(0.0, 5.0),
        headless=_STS_BENCHMARK,  # sts-train.csv and so on of the STS benchmark, from which GLUE made its files
        more=True,
        test_files=True,
    ),
    "qqp": _pairs("question1", "question2", "is_duplicate", _YES_NO),
    "mnli": _pairs("sentence1", "sentence2", "gold_label", _INFERENCE, undecided=_UNDECIDED),
    "qnli": _pairs("question", "sentence", "label", _ENTAILED),
    "rte": _pairs("sentence1", "sentence2", "label", _ENTAILED),
    "wnli": _pairs("sentence1", "sentence2", "label", _YES_NO),
}

CLUE: Mapping[str, Columns] = {
    "tnews": Columns(
        text="sentence",
        label="label",
        labels=tuple(_NEWS.values()),
        aliases=_NEWS,
        headless=("sentence", "label"),
        test_files=True,
    ),
    "iflytek": _single("sentence", "label", [str(number) for number in range(119)]),
    "afqmc": _pairs("sentence1", "sentence2", "label", _YES_NO),
    "cmnli": _pairs("sentence1", "sentence2", "label", _INFERENCE, undecided=_UNDECIDED),
    "ocnli": _pairs("sentence1", "sentence2", "label", _INFERENCE, undecided=_UNDECIDED),
    "csl": _pairs("keyword", "abst", "label", _YES_NO),
}

PRESETS: Mapping[str, Columns] = {**GLUE, **CLUE}

METRICS: Mapping[str, str] = {"cola": "matthews", "mrpc": "f1", "qqp": "f1", "stsb": "spearman"}
"""The score of GLUE that chooses a checkpoint, where it is not the accuracy."""


def columns_of(options: ClassifierOptions) -> Columns:
    """Where the examples of a file are that options speak of."""
    if options.dataset is not None:
        return PRESETS[options.dataset]
    return Columns(
        text=options.text_column,
        pair=options.pair_column,
        label=options.label_column,
        header=options.header,
        scores=ANY_NUMBER if options.regression else None,
        parts=options.label_separator if options.multi_label else None,
    )
