"""The command: its options reach the records, what it prints, and how bad input ends."""

from __future__ import annotations

import functools
import json

import pytest
from bertrun_pretraining.command import pretrain
from bertrun_pretraining.sinks import NpzSinks
from click.testing import CliRunner

from bert_core import DataError, UsageError
from bert_core.text.tokenizer import WordPiece


class Program:
    """What mounts the command."""

    def encoder(self, vocab, lowercase):
        return functools.partial(WordPiece.from_vocab, vocab, lowercase=lowercase, max_length=512)

    def record_sinks(self, record_format):
        assert record_format == "tfrecord"
        return NpzSinks()


@pytest.fixture
def asked(tmp_path, vocab):
    """`asked("--seed", "1")` runs the command on a small text."""
    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat\nthe mat sat\n\non the cat\na zebra sat\n", encoding="utf-8")

    def run(*options, source=text):
        arguments = [str(source), "--vocab", str(vocab), "--output", str(tmp_path / "out"), *options]
        return CliRunner().invoke(pretrain, arguments, obj=Program())

    return run


def made_with(tmp_path):
    return json.loads((tmp_path / "out" / "index.json").read_text(encoding="utf-8"))["made_with"]


def test_defaults_are_those_of_google(asked, tmp_path):
    done = asked()
    assert done.exit_code == 0, done.output
    found = made_with(tmp_path)["settings"]
    google = {"max_length": 128, "max_predictions": 20, "masked_share": 0.15, "short_share": 0.1, "dupe_factor": 10}
    ours = {"random_next": 0.5, "whole_word_mask": "off", "dynamic_masking": False}
    assert found.items() >= {**google, "seed": 12345, **ours}.items()
    assert not done.stdout
    assert "shard 0: " in done.stderr
    assert done.stderr.endswith(" records in 1 shard\n")


def test_options_by_our_names_and_by_googles(asked, tmp_path):
    options = (
        "--max-seq-length 64 --max-predictions-per-seq 7 --masked-lm-prob 0.2 --short-seq-prob 0.3 --random-seed 5"
    )
    ours = "--dupe-factor 3 --whole-word-mask pieces --dynamic-masking --sentences split --language en --quiet"
    done = asked(*options.split(), *ours.split(), "--block-characters", "99", "--random-next", "0.4")
    assert done.exit_code == 0, done.output
    assert made_with(tmp_path)["settings"] == {
        "max_length": 64,
        "max_predictions": 7,
        "masked_share": 0.2,
        "short_share": 0.3,
        "dupe_factor": 3,
        "whole_word_mask": "pieces",
        "random_next": 0.4,
        "dynamic_masking": True,
        "sentences": "split",
        "language": "en",
        "seed": 5,
        "block_characters": 99,
    }
    assert done.stderr.count("\n") == 1


def test_shares(asked, tmp_path):
    done = asked("--shard", "2/3")
    assert done.exit_code == 0
    assert "index-2-of-3.json: 0 records in 0 shards, which are part 2 of 3" in done.stderr
    assert "warning: the text makes fewer shards than 3, so there was nothing to do for part 2" in done.stderr
    assert "warning" not in asked("--shard", "1/3").stderr
    for wrong in ("0/3", "4/3", "2", "a/b"):
        done = asked("--shard", wrong)
        assert done.exit_code == 2
        assert "is not as 2/8" in done.stderr


def test_bad_input_is_an_error_of_its_own_code(asked, tmp_path):
    broken = tmp_path / "broken.txt"
    broken.write_bytes(b"one\n\xff\n")
    done = asked(source=broken)
    assert isinstance(done.exception, DataError)
    assert done.exception.exit_code == 4
    assert "broken.txt:2: byte 1 of the line, 0xff, is not UTF-8" in str(done.exception)
    done = asked("--max-length", "3")
    assert isinstance(done.exception, UsageError)


def test_help_says_what_every_option_does():
    page = CliRunner().invoke(pretrain, ["--help"]).output
    assert "Make pre-training records" in page
    assert all(parameter.help for parameter in pretrain.params if parameter.param_type_name == "option")
