"""Records Google's windows: `python record_windows.py GOOGLE_BERT VOCAB TRAIN.JSON windows.npz`.

GOOGLE_BERT holds `run_squad.py` and `tokenization.py` of google-research/bert as they were published. Of TensorFlow
they need, up to the windows, nothing but a way to open files, which is given to them here. Needs six.
"""

from __future__ import annotations

import hashlib
import sys
import zlib
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import numpy as np

SETTINGS = ((384, 128, 64), (128, 48, 12))  # max_seq_length, doc_stride, max_query_length


def google(folder: Path) -> Any:
    """Their module `run_squad`."""
    tensorflow = ModuleType("tensorflow")
    tensorflow.gfile = SimpleNamespace(Open=open, GFile=open)  # type: ignore[attr-defined]
    tensorflow.logging = MagicMock()  # type: ignore[attr-defined]
    tensorflow.flags = MagicMock()  # type: ignore[attr-defined]
    tensorflow.flags.FLAGS.version_2_with_negative = False
    tensorflow.__getattr__ = lambda _: MagicMock()  # type: ignore[method-assign]
    sys.modules |= {"tensorflow": tensorflow, "modeling": MagicMock(), "optimization": MagicMock()}
    sys.path.insert(0, str(folder))
    import run_squad

    return run_squad


def digest(feature: Any) -> int:
    """A number that any other piece, type, or piece that counts here changes."""
    used = sum(feature.input_mask)
    ids, types = feature.input_ids[:used], feature.segment_ids[:used]
    best = [place for place, yes in sorted(feature.token_is_max_context.items()) if yes]
    return zlib.crc32(repr((ids, types, best)).encode())


def record(folder: Path, vocab: Path, train: Path) -> dict[str, Any]:
    script = google(folder)
    tokenizer = script.tokenization.FullTokenizer(vocab_file=str(vocab), do_lower_case=True)
    examples = script.read_squad_examples(str(train), is_training=True)
    found: dict[str, Any] = {
        "sha256": np.array(hashlib.sha256(train.read_bytes()).hexdigest()),
        "ids": np.array(hashlib.sha256("".join(example.qas_id for example in examples).encode()).hexdigest()),
    }
    for settings in SETTINGS:
        features: list[Any] = []
        script.convert_examples_to_features(examples, tokenizer, *settings, True, features.append)
        name = "-".join(map(str, settings))
        found[f"{name}/example"] = np.array([one.example_index for one in features], np.int16)
        found[f"{name}/digest"] = np.array([digest(one) for one in features], np.uint32)
        found[f"{name}/answer"] = np.array([(one.start_position, one.end_position) for one in features], np.int16)
    return found


if __name__ == "__main__":
    np.savez_compressed(sys.argv[4], **record(*map(Path, sys.argv[1:4])))
