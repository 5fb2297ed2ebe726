"""A transcript: folders that bertrun writes, opened in transformers with all warnings shown.

    python benchmarks/transformers_opens.py --peer-python PEER/bin/python --google GOOGLE

GOOGLE is a folder as Google releases them, with the heads of pre-training. The weights minilm-l6 were pulled before.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

PEER = Path(__file__).with_name("peer_opens.py")
COLOURS = re.compile(r"\x1b\[\d*m|\\x1b\[\d*m")  # also as Python shows them in a list
VERSIONS = "import torch, transformers; print(f'transformers {transformers.__version__}, torch {torch.__version__}')"
TRAINED = {
    "ner": ("tagging", "AutoModelForTokenClassification"),
    "classifier": ("classes", "AutoModelForSequenceClassification"),
    "squad": ("questions", "AutoModelForQuestionAnswering"),
}


def shown(command: Sequence[str], output: str) -> None:
    print("\n    $ " + " ".join(command))
    for line in output.splitlines():
        print(f"    {COLOURS.sub('', line)}".rstrip())


def bertrun(folder: Path, google: Path, *arguments: str) -> None:
    words = [str(google) if word == "GOOGLE" else word for word in arguments]
    done = subprocess.run(
        [sys.executable, "-m", "bert_core.cli", *words], cwd=folder, check=True, capture_output=True, text=True
    )
    shown(("bertrun", *arguments), done.stdout + done.stderr)


def opened(python: str, folder: Path, kind: str, name: str) -> None:
    done = subprocess.run([python, str(PEER), kind, name], cwd=folder, capture_output=True, text=True)
    shown(("python", "benchmarks/peer_opens.py", kind, name), done.stdout + done.stderr)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer-python", required=True)
    parser.add_argument("--google", required=True, type=Path)
    chosen = parser.parse_args()
    versions = subprocess.run([chosen.peer_python, "-c", VERSIONS], check=True, capture_output=True, text=True).stdout
    print("# What bertrun writes, opened in transformers\n")
    print(f"Made by `benchmarks/transformers_opens.py`, with {versions.strip()}. Nothing but what is shown was said.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for task, (what, kind) in TRAINED.items():
            print(f"\nThe checkpoint of a run, with a head for {what}:")
            words = f"--task {task} --weights minilm-l6 --max-steps 2 --quiet --output {task}"
            bertrun(folder, chosen.google, *words.split())
            opened(chosen.peer_python, folder, kind, f"{task}/best")
        print("\nGoogle's checkpoint with the heads of pre-training, GOOGLE:")
        bertrun(folder, chosen.google, "weights", "convert", "GOOGLE", "google", "--to", "hf")
        opened(chosen.peer_python, folder, "AutoModelForPreTraining", "google")
        print("\nAn encoder:")
        bertrun(folder, chosen.google, "weights", "convert", "minilm-l6", "minilm", "--to", "hf")
        opened(chosen.peer_python, folder, "AutoModel", "minilm")
        print("\nThat a fault would be seen: the same as a tagger, whose head it lacks:")
        opened(chosen.peer_python, folder, "AutoModelForTokenClassification", "minilm")


if __name__ == "__main__":
    main()
