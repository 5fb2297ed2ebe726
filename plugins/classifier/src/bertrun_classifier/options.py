"""What a user can tell the classifier."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bert_core import option

Dataset = Literal[
    "cola", "sst2", "mrpc", "stsb", "qqp", "mnli", "qnli", "rte", "wnli",
    "tnews", "iflytek", "afqmc", "cmnli", "ocnli", "csl",
]  # fmt: skip
Metric = Literal["auto", "accuracy", "f1", "macro-f1", "mcc", "matthews", "pearson", "spearman", "spearman-correlation"]

SINGLE = ("cola", "sst2", "tnews", "iflytek")  # sets of single texts
BALANCED = "balanced"  # the class weights that are no file


@dataclass(frozen=True, kw_only=True)
class ClassifierOptions:
    """What is read, what a label is, how long texts are cut, and which score counts."""

    dataset: Dataset | None = option(
        None, help="Published set (GLUE, CLUE) whose columns, classes and score the data has."
    )
    data_format: Literal["auto", "csv", "tsv", "jsonl", "tfrecord", "mindrecord"] = option(
        "auto", help="Format of data files; auto looks at their content."
    )
    text_column: str = option("text", metavar="NAME", help="Column of the text, where --dataset does not say.")
    pair_column: str | None = option(None, metavar="NAME", help="Column of the second text, for pairs.")
    label_column: str = option("label", metavar="NAME", help="Column of the label, where --dataset does not say.")
    header: bool = option(True, help="Tables begin with the names of columns; without it they are 0, 1, ...")
    multi_label: bool = option(False, help="An example has any number of classes: a JSON list, or names in one column.")
    label_separator: str = option(",", metavar="TEXT", help="What parts the names of several classes in one column.")
    regression: bool = option(False, help="The label is a number, and the squared error is trained.")
    label_file: Path | None = option(
        None, metavar="FILE", help="Classes in the order of their ids, one a line; data with others is refused."
    )
    num_labels: int | None = option(None, minimum=1, help="How many classes there are; data with more is refused.")
    truncate: Literal["head", "tail", "head-tail", "windows"] = option(
        "head",
        help="What is kept of a text that is too long, or windows over all of it; pairs lose the ends of the longer.",
    )
    window_stride: int | None = option(
        None, minimum=1, help="Pieces from the start of one window to the next; by default half of what a window shows."
    )
    window_pooling: Literal["mean", "max"] = option("mean", help="What the logits of a text's windows are joined to.")
    head_dropout: float = option(0.1, minimum=0, maximum=0.99, help="Dropout of the vector that the classifier takes.")
    class_weights: str | None = option(
        None,
        metavar="balanced|FILE",
        help="Weight of each class in the loss: by its rarity, or a NAME and a number a line.",
    )
    label_smoothing: float = option(0.0, minimum=0, maximum=0.9, help="Share of the target that all classes get alike.")
    metric: Metric = option("auto", help="Score that chooses the best checkpoint; auto takes that of --dataset.")
    per_class: bool = option(True, help="Score each class too.")
    confusion: bool = option(False, help="Score which class is taken for which.")

    def __post_init__(self) -> None:
        if self.class_weights not in (None, BALANCED):  # a run file is read from any folder
            object.__setattr__(self, "class_weights", str(Path(str(self.class_weights)).expanduser().absolute()))

    def problems(self) -> Iterable[str]:
        """Values that contradict each other."""
        if self.regression and self.multi_label:
            yield "--regression and --multi-label contradict each other: a label is a number or a set of names"
        if self.dataset is not None and self.multi_label:
            yield f"--dataset {self.dataset} has one label an example, and --multi-label says that it has several"
        if self.dataset is not None and self.regression != (self.dataset == "stsb") and self.regression:
            yield f"--dataset {self.dataset} has classes, and --regression says that its labels are numbers"
        pairs = self.pair_column is not None or (self.dataset is not None and self.dataset not in SINGLE)
        if self.truncate == "windows" and pairs:
            yield "--truncate windows is for single texts: pairs lose the ends of the longer text"
        if self.truncate != "windows" and self.window_stride is not None:
            yield f"--window-stride is of no use to --truncate {self.truncate}"
        numbers, correlations = self.scores, self.metric in ("pearson", "spearman", "spearman-correlation")
        if self.metric != "auto" and numbers != correlations:
            what = "numbers, whose scores are pearson and spearman" if numbers else "classes, which have no correlation"
            yield f"--metric {self.metric} does not score these labels: they are {what}"
        if self.multi_label and self.metric in ("mcc", "matthews"):
            yield f"--metric {self.metric} does not score sets of classes; accuracy, f1 and macro-f1 do"
        if numbers and (
            self.class_weights or self.label_smoothing or self.label_file or self.num_labels not in (None, 1)
        ):
            yield (
                "labels are numbers here, and --class-weights, --label-smoothing, --label-file and --num-labels "
                "are about classes"
            )

    @property
    def scores(self) -> bool:
        """Whether labels are numbers."""
        return self.regression or self.dataset == "stsb"
