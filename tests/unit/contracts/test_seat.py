"""Columns are labelled a to z, then aa to zz: each number has one label, each label one number."""

import itertools
import string

import msgspec
import pytest
from contracts.seat import ColumnLabel, RowLabel, column_label, column_number
from hypothesis import given, strategies as st

LETTERS = st.text(string.ascii_lowercase, min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("number", "letters"),
    [(1, "a"), (2, "b"), (26, "z"), (27, "aa"), (52, "az"), (53, "ba"), (701, "zy"), (702, "zz"), (703, "aaa")],
)
def test_columns_are_labelled_as_in_a_spreadsheet(number: int, letters: str) -> None:
    assert column_label(number) == letters
    assert column_number(letters) == number


@given(st.integers(1, 10**12))
def test_a_number_is_unchanged_after_conversion_to_a_label_and_back(number: int) -> None:
    assert column_number(column_label(number)) == number


@given(LETTERS)
def test_a_label_is_unchanged_after_conversion_to_a_number_and_back(letters: str) -> None:
    assert column_label(column_number(letters)) == letters


def test_the_columns_of_the_widest_zone_are_in_order_without_a_gap() -> None:
    one = list(string.ascii_lowercase)
    two = ["".join(pair) for pair in itertools.product(one, repeat=2)]

    assert [column_label(number) for number in range(1, 703)] == one + two


@pytest.mark.parametrize("label", ["a", "z", "aa", "zz"])
def test_messages_accept_columns_of_one_or_two_letters(label: str) -> None:
    assert msgspec.convert(label, ColumnLabel) == label


@pytest.mark.parametrize("label", ["", "A", "aaa", "1", "a1", "é", "ß", "a\n", " a"])
def test_messages_refuse_any_other_column(label: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(label, ColumnLabel)


@pytest.mark.parametrize("label", ["1", "9", "10", "1000"])
def test_messages_accept_rows_by_number(label: str) -> None:
    assert msgspec.convert(label, RowLabel) == label


@pytest.mark.parametrize("label", ["", "0", "01", "-1", "10000", "1.0", "a", "٣", "１", "1\n", "1 "])
def test_messages_refuse_any_other_row(label: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(label, RowLabel)
