"""Records what the official scripts of SQuAD v2.0 and CMRC 2018 count; see README.md for the command."""

from __future__ import annotations

import json
import random
import re
import sys
import types
from pathlib import Path
from typing import Any

PAIRS = (
    ("北京大学", ("北京大学", "北京")),
    ("北京，大学", ("北京大学",)),
    ("在1998年", ("1998年", "1998")),
    ("the Beatles乐队", ("Beatles", "beatles乐队")),
    ("", ("北京",)),
    ("《红楼梦》", ("红楼梦",)),
    ("约3.5万人", ("3.5万", "3.5万人")),
    ("1,000人", ("1,000", "1000人")),
    ("上海", ("北京", "南京")),
    ("他是个好人", ("好人", "是个好")),
    ("3.5万 people", ("3.5 people",)),
    ("Let It Be专辑", ("let it be",)),
    ("don't stop乐队", ("do stop", "don't")),
    ("AC/DC乐队", ("acdc", "AC DC乐队")),
    ("（a）b", ("a b", "ab")),
    ("……", ("…", "。")),
    ("a!b", ("a", "b!")),
    ("50%的人", ("50的人", "50%")),
    ("iPhone 6s手机", ("iphone 6s", "6s手机")),
    ("中 国", ("中国",)),
)
WORDS = ("the", "red", "Fox", "a", "ran.", "home", "U.S.", "twice")


def sets(seed: int) -> tuple[list[list[str]], list[str], list[float]]:
    """Answers, none of some questions; predictions, none for some; and odds, some of them equal."""
    rng = random.Random(seed)

    def text() -> str:
        return " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 3)))

    answers = [[text() for _ in range(rng.choice((0, 1, 1, 2)))] for _ in range(40)]
    predictions = [rng.choice(["", text(), own[0] if own else text(), own[-1] if own else ""]) for own in answers]
    return answers, predictions, [rng.randint(-8, 8) / 2 for _ in answers]


def squad2(source: str, seed: int) -> dict[str, float]:
    script: dict[str, Any] = {"__name__": "official"}
    exec(compile(source, "evaluate-v2.0.py", "exec"), script)
    answers, predictions, odds = sets(seed)
    qas = [{"id": str(n), "answers": [{"text": text} for text in own]} for n, own in enumerate(answers)]
    data = [{"paragraphs": [{"qas": qas}]}]
    found = {str(n): text for n, text in enumerate(predictions)}
    chances = {str(n): value for n, value in enumerate(odds)}
    has = script["make_qid_to_has_ans"](data)
    exact, overlap = script["get_raw_scores"](data, found)
    scores: dict[str, float] = script["make_eval_dict"](exact, overlap)
    for name, kind in (("HasAns", True), ("NoAns", False)):
        rows = [key for key, value in has.items() if value == kind]
        script["merge_eval"](scores, script["make_eval_dict"](exact, overlap, qid_list=rows), name)
    script["find_all_best_thresh"](scores, found, exact, overlap, chances, has)
    return dict(scores)


def cmrc(source: str) -> list[dict[str, float]]:
    """The script is Python 2: what decodes byte strings there is left out."""
    import nltk

    cut = types.SimpleNamespace(word_tokenize=lambda text: nltk.word_tokenize(text, preserve_line=True))
    for old, new in ((".decode('utf-8')", ""), ("ur'", "r'"), ("reload(sys)", ""), ("import nltk", "")):
        source = source.replace(old, new)
    source = re.sub(r"sys\.setdefaultencoding\(.*\)", "", source).replace(r"r'[\u4e00-\u9fa5]'", "'[\u4e00-\u9fa5]'")
    script: dict[str, Any] = {"__name__": "official", "nltk": cut}
    exec(compile(source, "cmrc2018_evaluate.py", "exec"), script)
    return [
        {
            "exact_match": 100.0 * script["calc_em_score"](answers, text),
            "f1": 100.0 * script["calc_f1_score"](answers, text),
        }
        for text, answers in PAIRS
    ]


if __name__ == "__main__":
    second, chinese = (Path(name).read_text(encoding="utf-8") for name in sys.argv[1:3])
    recorded = {"squad2": [squad2(second, seed) for seed in range(12)], "cmrc": cmrc(chinese)}
    json.dump(recorded, sys.stdout, indent=1, ensure_ascii=False)
    print()
