"""The other side of corpus_speed.py: google-research/bert's own tokenizer and logic, without TensorFlow.

    python benchmarks/peer_corpus.py GOOGLE_BERT VOCAB TEXT [--dupe-factor 10]

GOOGLE_BERT is a folder with `create_pretraining_data.py` and `tokenization.py` of google-research/bert, as published.
What they take of TensorFlow (flags, logging, opening a file) is stood in for; no `tf.train.Example` is made. Prints
JSON; seconds are those of the processor.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
import types


class Anything:
    def __getattr__(self, name):
        return lambda *arguments, **options: None


def stand_in():
    tensorflow = types.ModuleType("tensorflow")
    tensorflow.flags = Anything()
    tensorflow.flags.FLAGS = types.SimpleNamespace(do_whole_word_mask=False)
    tensorflow.gfile = types.SimpleNamespace(GFile=lambda path, mode: open(path, "rb"))  # noqa: SIM115
    tensorflow.logging = Anything()
    return tensorflow


def rows(instances, tokenizer, length, predictions):
    """The numbers of every record, padded, as `write_instance_to_example_files` makes them."""
    for instance in instances:
        ids = tokenizer.convert_tokens_to_ids(instance.tokens)
        mask = [1] * len(ids)
        segments = list(instance.segment_ids)
        while len(ids) < length:
            ids.append(0)
            mask.append(0)
            segments.append(0)
        positions = list(instance.masked_lm_positions)
        labels = tokenizer.convert_tokens_to_ids(instance.masked_lm_labels)
        weights = [1.0] * len(labels)
        while len(positions) < predictions:
            positions.append(0)
            labels.append(0)
            weights.append(0.0)
        yield ids, mask, segments, positions, labels, weights, int(instance.is_random_next)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("google")
    parser.add_argument("vocab")
    parser.add_argument("text")
    parser.add_argument("--dupe-factor", type=int, default=10)
    arguments = parser.parse_args()
    sys.modules["tensorflow"] = stand_in()
    sys.path.insert(0, arguments.google)
    import create_pretraining_data as published
    import tokenization

    start = time.process_time()
    tokenizer = tokenization.FullTokenizer(vocab_file=arguments.vocab, do_lower_case=True)
    instances = published.create_training_instances(
        [arguments.text], tokenizer, 128, arguments.dupe_factor, 0.1, 0.15, 20, random.Random(12345)
    )
    made = time.process_time()
    records = sum(1 for _ in rows(instances, tokenizer, 128, 20))
    print(json.dumps({"instances": made - start, "seconds": time.process_time() - start, "records": records}))


if __name__ == "__main__":
    main()
