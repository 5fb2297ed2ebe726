"""What a user can tell the SQuAD task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bert_core import option


@dataclass(frozen=True, kw_only=True)
class SquadOptions:
    """How contexts are cut, which spans are answers, and which score counts."""

    doc_stride: int = option(128, minimum=1, help="Pieces from the start of one window of a context to the next.")
    max_query_length: int = option(64, minimum=1, help="Pieces of a question; what is longer is cut off.")
    n_best: int = option(20, minimum=1, help="Starts and ends that each window offers, and answers that are listed.")
    max_answer_length: int = option(30, minimum=1, help="Pieces of the longest answer.")
    version2: bool | None = option(
        None, help="Whether a text may not answer a question; by default where the data has such questions."
    )
    null_threshold: float | None = option(
        None,
        help="A question has no answer where the null score is above the best answer's by more than this; "
        "by default what gives the best F1 on --eval-data, and 0 without.",
    )
    metric: Literal["auto", "squad", "squad2", "cmrc"] = option(
        "auto",
        help="Scores; auto takes SQuAD v2.0's where a question has no answer, else CMRC's for Chinese, else v1.1's.",
    )
    data_format: Literal["auto", "squad", "tfrecord", "mindrecord"] = option(
        "auto", help="Format of data files; auto looks at their content."
    )
