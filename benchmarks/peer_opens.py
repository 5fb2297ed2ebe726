"""The other side of `transformers_opens.py`: opens folders in transformers, and prints all that it says of them.

Needs torch and transformers: python benchmarks/peer_opens.py CLASS FOLDER
"""

from __future__ import annotations

import logging
import sys
import warnings

import torch
import transformers

REPORTED = ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs")


class Heard(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def main() -> None:
    kind, folder = sys.argv[1:]
    transformers.logging.set_verbosity_warning()
    transformers.logging.disable_progress_bar()
    heard = Heard()
    for name in ("", "transformers", "torch"):
        logging.getLogger(name).addHandler(heard)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        model, said = getattr(transformers, kind).from_pretrained(folder, output_loading_info=True)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        with torch.no_grad():
            out = model.eval()(**tokenizer("no work makes jack a dull boy", return_tensors="pt"))
    print(f"{type(model).__name__}, {sum(p.numel() for p in model.parameters())} parameters")
    for name in REPORTED:
        print(f"{name}: {sorted(said.get(name) or []) or 'none'}")
    said_aloud = [*heard.lines, *(str(one.message) for one in warned)]
    print("warnings: " + ("\n".join(said_aloud) or "none"))
    print("gives: " + ", ".join(f"{name} {tuple(value.shape)}" for name, value in out.items()))


if __name__ == "__main__":
    main()
