"""Labels as other systems said them, beside those of a file of examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bert_core import DataError, lines

from . import metrics
from .columns import ANY_NUMBER, Columns
from .example import Label
from .label_file import ordered, read_labels
from .options import ClassifierOptions
from .presets import columns_of
from .reader import label_of, read_examples
from .rows import TableRows, Values, json_rows, recognise
from .targets import Classes, LabelSets, names_of

NAMES = (
    "prediction",
    "predicted",
    "pred",
    "labels",
    "label",
    "score",
)  # columns of predictions, the first that is there


def scores_of(data: Path, predictions: Path, column: str | None, options: ClassifierOptions) -> Mapping[str, float]:
    """The scores of a file of predictions: those of the task, those of each class, and the confusion matrix.

    Args:
        data: The examples.
        predictions: A label for each of them, in their order.
        column: The column of predictions that has them; None takes the first that has one of the usual names.
        options: How both are read.

    Raises:
        DataError: A file is not of that form, or they have not as many rows.
    """
    columns = columns_of(options)
    gold = list(read_examples(data, columns, data_format=options.data_format))  # type: ignore[arg-type]
    loose = replace(columns, test_files=False, header=True, scores=ANY_NUMBER if columns.scores else None)
    said = list(read_predictions(predictions, loose, column))
    if len(gold) != len(said):
        what = f"the file has {len(said):,} predictions, and {data} has {len(gold):,} examples"
        raise DataError(what, where=predictions, hint="There is one for each, in the same order")
    pairs = [(label, one.label) for label, one in zip(said, gold, strict=True) if one.label is not None]
    if not pairs:
        raise DataError("no example has a label", where=data)
    if options.scores:
        numbers = [float(one) for one, _ in pairs], [float(other) for _, other in pairs]  # type: ignore[arg-type]
        return metrics.pearson(*numbers) | metrics.spearman(*numbers)
    return _class_scores([one for one, _ in pairs], [other for _, other in pairs], _classes(pairs, columns, options))


def _classes(pairs: Sequence[tuple[Label, Label]], columns: Columns, options: ClassifierOptions) -> Classes | LabelSets:
    """The classes that somebody names, or those of both files."""
    names = {name for pair in pairs for label in pair for name in names_of(label)}
    known = read_labels(options.label_file) if options.label_file is not None else columns.labels
    strange = sorted(names - set(known)) if known else []
    if strange:
        what = f"the class {strange[0]!r} is none of those that there are: {', '.join(known)}"
        raise DataError(what, where=options.label_file)
    kind = LabelSets if options.multi_label else Classes
    return kind(labels=tuple(known) or ordered(names))


def _class_scores(said: Sequence[Label], gold: Sequence[Label], targets: Classes | LabelSets) -> Mapping[str, float]:
    found, right = ([targets.said(label) for label in labels] for labels in (said, gold))
    if isinstance(targets, LabelSets):
        scores = metrics.label_sets(found, right)
    else:
        ids = [float(one) for one in found], [float(one) for one in right]
        scores = metrics.accuracy(*ids) | metrics.f1(*ids) | metrics.matthews(*ids)
    return scores | metrics.classes(found, right) | metrics.confusion(found, right)


def read_predictions(path: Path, columns: Columns, column: str | None) -> Iterator[Label]:
    """The labels of a file, in its order.

    A file that begins with `{` has JSON lines, and one whose first line names a column of labels is a table. Any other
    has a label a line; where an example may have several, an empty line is none.

    Args:
        path: The file.
        columns: What labels are: classes, sets of them, or numbers.
        column: The name of theirs; None takes the first of the usual names.

    Raises:
        DataError: With the line.
    """
    first = lines.beginning(path)
    if first.startswith("{"):
        for number, values in json_rows(path):
            yield _label(values(), columns, column, path, number)
    elif (named := _named(first, column)) is not None:
        for number, values in TableRows(path, replace(columns, text=named, pair=None, headless=()), recognise(path)):
            yield _label(values(), columns, named, path, number)
    else:
        if column is not None:
            raise DataError(f"the first line names no column {column!r}", where=path)
        for number, line in lines.read(path):
            if line.strip() or columns.parts is not None:
                yield _label({NAMES[0]: line}, columns, NAMES[0], path, number)


def _named(first: str, column: str | None) -> str | None:
    """The column of labels that a table's first line names."""
    cells = [cell.strip('"') for cell in first.split("\t" if "\t" in first else ",")]
    return next((name for name in ((column,) if column else NAMES) if name in cells), None)


def _label(values: Values, columns: Columns, column: str | None, path: Path, number: int) -> Label:
    name = column or next((name for name in NAMES if name in values), NAMES[0])
    label = label_of(values, replace(columns, label=name), path, number)
    if label is None:
        raise DataError.at(path, number, f"the prediction {values[name]!r} is no class")
    return label
