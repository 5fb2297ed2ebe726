"""Records what transformers says when it opens what `bertrun weights convert --to hf` writes.

`python tests/weights/record_transformers.py FOLDER` with torch and transformers (recorded with 5.23.0 and, of which the
later ones have no NEZHA, 4.36.2) prints a line for each folder of CASES in FOLDER: what was missing, left over or of
another shape, and every warning. What they were converted from is beside each; what was printed, with the commands
before it, is data/transformers.txt.

A class that lacks a head which a folder has calls that head's tensors unexpected, whoever wrote them, so each folder is
opened as what it holds.
"""

from __future__ import annotations

import io
import logging
import sys
import warnings
from pathlib import Path

import transformers

CASES = {
    "encoder": "BertModel",  # minilm-l6
    "pretraining": "BertForPreTraining",  # tests/bert/tiny_pretraining
    "google": "BertForPreTraining",  # shared/data/tf-bert-checkpoint
    "modelzoo": "BertForPreTraining",  # tests/weights/data/modelzoo/bert.ckpt
    "masked-lm": "BertForMaskedLM",  # of tests/bert/tiny_pretraining what that class has
    "tagger": "BertForTokenClassification",  # the same with a classifier of five labels
    "there-and-back": "BertForTokenClassification",  # `tagger` to the ModelZoo and from there
    "classifier": "BertForSequenceClassification",  # with a pooler and a classifier of five labels, over tf-names
    "nezha": "NezhaModel",  # tests/bert/tiny_nezha
}


def said_of(folder: Path, name: str) -> str:
    if not hasattr(transformers, name):
        return f"this release has no {name}"
    heard = io.StringIO()
    logger = logging.getLogger("transformers")
    handler = logging.StreamHandler(heard)
    handler.setLevel(logging.WARNING)
    logger.addHandler(handler)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _, found = getattr(transformers, name).from_pretrained(folder, output_loading_info=True)
    logger.removeHandler(handler)
    wrong = [f"{kind}: {sorted(map(str, names))}" for kind, names in found.items() if names]
    # Of transformers 4.36 in a torch that is newer, not of the weights.
    warned = [str(one.message) for one in caught if "pytree" not in str(one.message)]
    return "; ".join([*wrong, *warned, *heard.getvalue().splitlines()]) or "nothing"


def main(root: Path) -> None:
    transformers.logging.set_verbosity_warning()
    print(f"transformers {transformers.__version__}")
    for folder, name in CASES.items():
        print(f"{folder}, {name}: {said_of(root / folder, name)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
