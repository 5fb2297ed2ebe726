"""Records of a block: the columns, what un-masking gives back, Chinese words, and masking when they are read."""

from __future__ import annotations

import numpy as np
import pytest
from bertrun_pretraining.block import RecordMaker
from bertrun_pretraining.columns import columns_of
from bertrun_pretraining.corpus import Document
from bertrun_pretraining.dynamic import DynamicMasking
from bertrun_pretraining.settings import Settings
from bertrun_pretraining.words import ChineseWords, beginnings
from hypothesis import given, settings
from hypothesis import strategies as st

from bert_core import UsageError

WORDS = st.sampled_from(["the", "cat", "sat", "sitting", "on", "mats", "zebra", "研究", "生命", "a", ",", "?!"])
TEXTS = st.lists(
    st.lists(st.lists(WORDS, max_size=15).map(" ".join), min_size=1, max_size=6).map("\n".join), min_size=1, max_size=5
)


def documents(texts):
    return [Document("text", 1, "lines", text) for text in texts]


def whole(maker, texts, number=0):
    block = maker.pieces(documents(texts))
    parts = list(maker.records(block, number))
    return block, {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else None


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.sampled_from([8, 24, 64]), st.sampled_from(["off", "pieces"]), st.booleans())
def test_every_record_keeps_the_rules(encoder, texts, max_length, whole_words, dynamic):
    chosen = Settings(max_length=max_length, dupe_factor=2, whole_word_mask=whole_words, dynamic_masking=dynamic)
    block, records = whole(RecordMaker(chosen, encoder, encoder.mask_id), texts)
    if records is None:
        assert not len(block.ids)
        return
    said = columns_of(chosen)
    assert list(records) == list(said)
    count = len(records["input_ids"])
    for name, column in said.items():
        assert records[name].shape == (count, column.length)
        assert records[name].dtype == column.type
    text = block.ids.tolist()
    for row in range(count):
        record = {name: values[row] for name, values in records.items()}
        n = int(record["input_mask"].sum())
        ids = record["input_ids"].copy()
        if not dynamic:
            masked = int(record["masked_lm_weights"].sum())
            ids[record["masked_lm_positions"][:masked]] = record["masked_lm_ids"][:masked]
        assert (record["input_mask"] == (np.arange(max_length) < n)).all()
        seps = np.nonzero(ids[:n] == encoder.sep_id)[0]
        assert ids[0] == encoder.cls_id
        assert len(seps) == 2
        assert seps[1] == n - 1
        assert not ids[n:].any()
        segments = np.arange(max_length)
        assert (record["segment_ids"] == ((segments > seps[0]) & (segments < n))).all()
        a, b = ids[1 : seps[0]].tolist(), ids[seps[0] + 1 : n - 1].tolist()
        assert contains(text, a)
        assert contains(text, b)
        assert record["next_sentence_labels"][0] in (0, 1)
        if not record["next_sentence_labels"][0] and n < max_length:
            assert contains(text, a + b)


def contains(text, part):
    return any(text[start : start + len(part)] == part for start in range(len(text) - len(part) + 1))


def test_records_of_a_block_depend_on_seed_and_number_only(encoder):
    texts = ["the cat sat on the mat\nthe mat sat\non the cat\n" * 8, "a zebra\nsat on a mat"] * 5
    first = whole(RecordMaker(Settings(), encoder, encoder.mask_id), texts, 3)[1]
    maker = RecordMaker(Settings(), encoder, encoder.mask_id)
    whole(maker, ["on the mats"] * 3, 2)  # what was made before leaves nothing behind
    again = whole(maker, texts, 3)[1]
    other = whole(maker, texts, 4)[1]
    seeded = whole(RecordMaker(Settings(seed=1), encoder, encoder.mask_id), texts, 3)[1]
    assert all((first[name] == again[name]).all() for name in first)
    for another in (other, seeded):
        assert any(first[name].shape != another[name].shape or (first[name] != another[name]).any() for name in first)


class TestDynamicMasking:
    texts = ["the cat sat on the mat\nthe mats sat\non the zebra\n" * 8, "a zebra sitting\nsat on a mat"] * 5

    def stored(self, encoder, whole_words="off"):
        chosen = Settings(dynamic_masking=True, whole_word_mask=whole_words, dupe_factor=2)
        return whole(RecordMaker(chosen, encoder, encoder.mask_id), self.texts)[1]

    def test_a_mask_is_a_function_of_seed_epoch_and_index(self, encoder):
        stored = self.stored(encoder)
        masking = DynamicMasking(encoder)
        count = len(stored["input_ids"])
        all_at_once = masking.mask(stored, seed=7, epoch=2, indexes=range(count))
        order = np.random.default_rng(0).permutation(count)
        shuffled = masking.mask(
            {name: values[order] for name, values in stored.items()}, seed=7, epoch=2, indexes=order
        )
        assert all((values[order] == shuffled[name]).all() for name, values in all_at_once.items())
        for other in (
            masking.mask(stored, seed=7, epoch=3, indexes=range(count)),
            masking.mask(stored, seed=8, epoch=2, indexes=range(count)),
            masking.mask(stored, seed=7, epoch=2, indexes=range(1, count + 1)),
        ):
            assert (other["masked_lm_positions"] != all_at_once["masked_lm_positions"]).any(axis=1).mean() > 0.8

    @pytest.mark.parametrize("whole_words", ["off", "pieces"])
    def test_it_masks_as_stored_masks_are(self, encoder, whole_words):
        stored = self.stored(encoder, whole_words)
        found = DynamicMasking(encoder, whole_words=whole_words).mask(
            stored, seed=7, epoch=0, indexes=range(len(stored["input_ids"]))
        )
        assert list(found) == list(columns_of(Settings()))
        for row in range(len(stored["input_ids"])):
            count = int(found["masked_lm_weights"][row].sum())
            restored = found["input_ids"][row].copy()
            restored[found["masked_lm_positions"][row, :count]] = found["masked_lm_ids"][row, :count]
            assert (restored == stored["input_ids"][row]).all()
            wanted = max(1, round(int(stored["input_mask"][row].sum()) * 0.15))
            assert count <= wanted
            assert count == wanted or whole_words == "pieces"

    def test_word_starts_are_those_of_the_vocabulary(self, encoder):
        stored = self.stored(encoder, "pieces")
        starts = stored.pop("word_starts")
        masking = DynamicMasking(encoder, whole_words="pieces")
        indexes = range(len(starts))
        with_column = masking.mask({**stored, "word_starts": starts}, seed=7, epoch=0, indexes=indexes)
        without = masking.mask(stored, seed=7, epoch=0, indexes=indexes)
        assert (with_column["input_ids"] == without["input_ids"]).all()


def test_a_text_that_was_cut_at_its_front_begins_with_a_word(encoder):
    """Google's code counts a ## piece behind [SEP] to the last word of text A; here it is one of text B."""
    chosen = Settings(max_length=16, whole_word_mask="pieces", dynamic_masking=True)
    _, records = whole(
        RecordMaker(chosen, encoder, encoder.mask_id), ["zebra sitting mats zebra\nsitting zebra\n" * 9] * 3
    )
    ids, starts = records["input_ids"], records["word_starts"] > 0
    special = np.isin(ids, [encoder.cls_id, encoder.sep_id, encoder.pad_id])
    first = np.pad(special, ((0, 0), (1, 0)))[:, :-1] & ~special
    continues = ~beginnings(encoder)[ids]
    assert (first & continues).sum() > 20
    assert (starts == (~special & (first | ~continues))).all()


class TestChineseWords:
    def test_a_word_of_two_characters_begins_once(self, encoder):
        pytest.importorskip("rjieba")
        ids, starts = ChineseWords(encoder, beginnings(encoder)).ids("我们研究生命的起源, sitting 在北京大学")
        assert ids == encoder.encode("我们研究生命的起源, sitting 在北京大学")[0]
        spelled = [
            piece if begins else "+" + piece.removeprefix("##")
            for piece, begins in zip(encoder.spelled(ids), starts, strict=True)
        ]
        words = "".join(spelled).replace("+", "")
        assert words == "我们研究生命的起源,sitting在北京大学"
        joined = " ".join(spelled).replace(" +", "")
        assert joined == "我们 研究 生命 的 起源 , sitting 在 北京大学"

    def test_whole_words_of_chinese_are_masked_together(self, encoder):
        pytest.importorskip("rjieba")
        chosen = Settings(whole_word_mask="chinese", dupe_factor=5, masked_share=0.3)
        texts = ["我们研究生命的起源\n生命的起源在北京大学\n研究生命\n" * 5] * 4
        _, records = whole(RecordMaker(chosen, encoder, encoder.mask_id), texts)
        pair = encoder.encode("生命")[0]
        apart = together = 0
        for ids, positions, labels, weights in zip(
            *(records[name] for name in ("input_ids", "masked_lm_positions", "masked_lm_ids", "masked_lm_weights")),
            strict=True,
        ):
            text, masked = ids.copy(), set(positions[weights > 0].tolist())
            text[positions[weights > 0]] = labels[weights > 0]
            for start in range(len(text) - 1):
                if text[start : start + 2].tolist() == pair:
                    both = {start, start + 1} & masked
                    together += len(both) == 2
                    apart += len(both) == 1
        assert together > 50
        assert not apart

    def test_without_the_library_it_says_what_to_install(self, encoder, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "rjieba", None)
        with pytest.raises(UsageError, match=r"rjieba.*bertrun-pretraining\[chinese\]"):
            ChineseWords(encoder, beginnings(encoder))
