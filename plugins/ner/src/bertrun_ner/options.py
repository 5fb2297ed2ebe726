"""What a user can tell the NER task."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bert_core import option


@dataclass(frozen=True, kw_only=True)
class NerOptions:
    """How data is read, what sits on the encoder, and which score counts."""

    crf: bool = option(False, help="Choose the tags of a sentence together (conditional random field), not one by one.")
    bilstm: bool = option(False, help="Put a bidirectional LSTM between the encoder and the tagger.")
    head_dropout: float = option(0.1, minimum=0, maximum=0.99, help="Dropout of the vectors that the tagger takes.")
    crf_rate: float = option(200.0, above=0, help="Learning rate of the CRF's transitions, as a multiple.")
    sample: Literal["en", "zh"] = option("en", help="Language of the sample, which is taken where no data is named.")
    data_format: Literal["auto", "conll", "cluener", "msra", "weibo", "chinese-ner", "tfrecord", "mindrecord"] = option(
        "auto", help="Format of data files; auto looks at their content."
    )
    xml_elements: tuple[str, ...] = option(
        (),
        metavar="NAMES",
        help="Elements of MSRA's XML that mark entities, such as NAMEX,TIMEX; none: all with a TYPE.",
    )
    word_column: int = option(0, help="Column of the word in CoNLL files, from 0; negative counts from the end.")
    tag_column: int = option(-1, help="Column of the tag in CoNLL files, from 0; negative counts from the end.")
    tag_scheme: Literal["auto", "io", "iob1", "iob2", "bioes", "bmes", "bilou"] = option(
        "auto", help="Tag scheme of CoNLL files; auto recognises it, and says so."
    )
    label_file: Path | None = option(
        None, metavar="FILE", help="Labels in the order of their ids, or types; data with other types is refused."
    )
    metric: Literal["spans", "conlleval", "cluener", "tokens"] = option(
        "spans", help="Score that chooses the best checkpoint."
    )
