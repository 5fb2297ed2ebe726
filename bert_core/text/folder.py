"""How a folder in Hugging Face layout says that its text is to be tokenized."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bert_core.errors import CheckpointError

from .vocabulary import Vocabulary

# What transformers' BertTokenizer can be told that changes its algorithm, and the only value that is BERT's.
_BERT = {"tokenize_chinese_chars": True, "do_basic_tokenize": True, "word_tokenizer_type": "basic"}


@dataclass(frozen=True, kw_only=True)
class TokenizerFolder:
    """What was found.

    Args:
        vocabulary: From `vocab.txt`, else from `tokenizer.json` (newer transformers write only that).
        lowercase: From `tokenizer_config.json`, else from `tokenizer.json`, else None.
        strip_accents: The same; None means as `lowercase`.
    """

    vocabulary: Vocabulary
    lowercase: bool | None
    strip_accents: bool | None

    @classmethod
    def read(cls, folder: Path) -> TokenizerFolder:
        """Look into a folder.

        Raises:
            CheckpointError: No vocabulary, a file that is not JSON, or an algorithm that is not BERT's.
        """
        config_path, fast_path = folder / "tokenizer_config.json", folder / "tokenizer.json"
        config = _object(config_path) if config_path.exists() else {}
        fast = _object(fast_path) if fast_path.exists() else {}
        _refuse_other_algorithms(config, config_path)
        normalizer = _part(fast, "normalizer")
        has_lines = (folder / "vocab.txt").exists() or not fast
        vocabulary = Vocabulary.read(folder / "vocab.txt") if has_lines else _fast_vocabulary(fast, fast_path)
        return cls(
            vocabulary=vocabulary,
            lowercase=_first_bool(config.get("do_lower_case"), normalizer.get("lowercase")),
            strip_accents=_first_bool(config.get("strip_accents"), normalizer.get("strip_accents")),
        )


def said_length(folder: Path) -> int | None:
    """The `model_max_length` of a folder's `tokenizer_config.json`, or None where it says none.

    Raises:
        CheckpointError: The file is not a JSON object.
    """
    path = folder / "tokenizer_config.json"
    length = _object(path).get("model_max_length") if path.exists() else None
    return length if type(length) is int and length > 0 else None


def _object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise CheckpointError(f"cannot read it: {error.strerror}", where=path) from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"it is not JSON ({error})", where=path) from error
    if not isinstance(value, dict):
        raise CheckpointError(f"it holds a JSON {type(value).__name__} where an object belongs", where=path)
    return value


def _part(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = whole.get(name)
    return part if isinstance(part, dict) else {}


def _first_bool(*values: object) -> bool | None:
    return next((value for value in values if isinstance(value, bool)), None)


def _refuse_other_algorithms(config: Mapping[str, Any], path: Path) -> None:
    for name, bert in _BERT.items():
        if config.get(name, bert) not in (bert, None):
            what = f"{name} is {config[name]!r}, and only {bert!r} is BERT's tokenization"
            raise CheckpointError(what, where=path, hint="These weights expect text that was cut in another way")


def _fast_vocabulary(fast: Mapping[str, Any], path: Path) -> Vocabulary:
    model = _part(fast, "model")
    ids = _part(model, "vocab")
    if model.get("type") != "WordPiece" or not ids or not all(type(number) is int for number in ids.values()):
        what = (
            f"its model is {model.get('type')!r}, not WordPiece with a vocabulary, and there is no vocab.txt beside it"
        )
        raise CheckpointError(what, where=path, hint="bertrun reads the vocabularies of BERT's WordPiece")
    return Vocabulary.of_ids(ids, path)
