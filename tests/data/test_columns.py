"""Names of columns, and values in a column's type and shape."""

from __future__ import annotations

import numpy as np
import pytest

from bert_core.data.columns import Column, as_column, our_name, reference_name, unpadded


@pytest.mark.parametrize(
    ("reference", "ours"),
    [
        ("input_mask", "attention_mask"),
        ("segment_ids", "token_type_ids"),
        ("label_ids", "labels"),
        ("input_ids", "input_ids"),
        ("masked_lm_ids", "masked_lm_ids"),
        ("start_positions", "start_positions"),
    ],
)
def test_each_name_leads_to_the_other(reference, ours):
    assert our_name(reference) == our_name(ours) == ours
    assert reference_name(reference) == reference_name(ours) == reference


def test_padding_is_left_out_of_what_has_a_value_for_each_piece():
    row = {
        "input_ids": np.array([2, 9, 0, 3, 0, 0]),
        "attention_mask": np.array([1, 1, 1, 1, 0, 0]),
        "token_type_ids": np.zeros(6),
        "labels": np.arange(6),
        "masked_lm_positions": np.arange(6),
    }
    assert {name: len(values) for name, values in unpadded(row).items()} == {
        "input_ids": 4, "attention_mask": 4, "token_type_ids": 4, "labels": 4, "masked_lm_positions": 6,
    }  # fmt: skip
    assert unpadded({**row, "labels": np.array([1])})["labels"].tolist() == [1]
    assert len(unpadded({**row, "attention_mask": np.zeros(6)})["input_ids"]) == 0


@pytest.mark.parametrize("value", [2**31 - 1, -(2**31)])
def test_what_fits_is_made_narrower(value):
    narrow = as_column(np.array([value]), Column("x", "int32"))
    assert narrow.dtype == np.int32
    assert narrow.tolist() == [value]


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1])
def test_what_does_not_fit_is_refused(value):
    with pytest.raises(ValueError, match="'x' holds a number of more than 32 bits"):
        as_column(np.array([value]), Column("x", "int32"))


def test_an_empty_list_has_any_type():
    assert as_column(np.zeros(0, np.int64), Column("x", "float32")).dtype == np.float32


def test_a_shape_is_kept_open_or_filled():
    assert as_column(np.arange(6), Column("x", "int64", (2, 3))).shape == (2, 3)
    assert as_column(np.arange(1), Column("x", "int64", ())).shape == ()
    with pytest.raises(ValueError, match=r"has 6 values and should have the shape \[4\]"):
        as_column(np.arange(6), Column("x", "int64", (4,)))
