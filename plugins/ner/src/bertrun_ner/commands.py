"""`bertrun score ner`: the scores of a file of tags or entities, whichever system made it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from .metrics import Tagging

METRICS = ("spans", "conlleval", "cluener", "tokens")
SCHEMES = ("auto", "io", "iob1", "iob2", "bioes", "bmes", "bilou")
FILE = click.Path(path_type=Path)


@click.command("score ner")
@click.option("--data", required=True, type=FILE, metavar="FILE", help="Sentences with the right tags or entities.")
@click.option(
    "--predictions",
    type=FILE,
    metavar="FILE",
    help="The same sentences as a system marked them; without it, the last column of --data.",
)
@click.option("--word-column", default=0, show_default=True, help="Column of the word, from 0 or from -1 backwards.")
@click.option("--tag-column", type=int, help="Column of the right tag; by default the last, or the one before it.")
@click.option("--predicted-column", default=-1, show_default=True, help="Column of the predicted tag.")
@click.option(
    "--tag-scheme", type=click.Choice(SCHEMES), default="auto", show_default=True, help="Scheme of the right tags."
)
@click.option("--metric", type=click.Choice(METRICS), default="spans", show_default=True, help="Which scores.")
def score(
    data: Path,
    predictions: Path | None,
    word_column: int,
    tag_column: int | None,
    predicted_column: int,
    tag_scheme: str,
    metric: str,
) -> None:
    """Print the scores of predicted entities as one JSON object.

    --data is any file that the task 'ner' reads. Predictions are CoNLL columns with the same words, one column of tags
    alone, the predictions.jsonl of a run, or the form of --data where that has no columns.

    \b
    Examples:
      bertrun score ner --data dev.conll --predictions tagged.conll
      bertrun score ner --data word_gold_predicted.conll --metric conlleval
    """
    from .blocks import Columns
    from .predicted import taggings

    gold = Columns(word_column, tag_column if tag_column is not None else -1 if predictions is not None else -2)
    found, right = taggings(data, predictions, gold, Columns(word_column, predicted_column), tag_scheme)
    click.echo(json.dumps(scores_of(found, right, metric)))


def scores_of(predicted: Sequence[Tagging], right: Sequence[Tagging], metric: str) -> Mapping[str, float]:
    """The scores of tagged sentences by the name of a metric; the share of right tags is among those of spans.

    Args:
        predicted: What a system said.
        right: The annotation of the same sentences.
        metric: `spans`, `conlleval`, `cluener` or `tokens`.
    """
    from . import metrics

    scores: dict[str, float] = getattr(metrics, metric)(predicted, right)
    return {**scores, **metrics.tokens(predicted, right)}
