"""Sets whole articles of WikiExtractor's output apart: `python benchmarks/hold_out.py TEXT OUT --every 20`.

`OUT/train` and `OUT/held-out` get a file each; every 20th article of all files, by their names, is held out.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("text", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--every", type=int, default=20)
    chosen = parser.parse_args()
    articles = [
        "<doc " + article
        for path in sorted(chosen.text.iterdir())
        for article in path.read_text(encoding="utf-8").split("<doc ")[1:]
    ]
    held = articles[chosen.every - 1 :: chosen.every]
    learnt = [article for number, article in enumerate(articles, 1) if number % chosen.every]
    for name, some in (("train", learnt), ("held-out", held)):
        path = chosen.output / name / "wiki_00"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(some), encoding="utf-8")
        print(f"{path}: {len(some)} articles, {sum(map(len, some)):,} characters")


if __name__ == "__main__":
    main()
