"""Seat labels as customers write them: either case, either way round, and nothing that could mean two seats."""

import string

import pytest
from contracts.seat import column_label
from hypothesis import given, strategies as st
from purchase.refusals import InvalidSeatLabel
from purchase.seats.labels import parse_seat

ROWS = st.integers(1, 1_000)
COLUMNS = st.integers(1, 702)
LARGEST_ZONE = (1_000, 702)

NO_ROW = [
    "", " ", "0", "00", "01", "-1", "+1", "1.0", "1e1", "1_0", " 1", "1 ", "1\n", "\n1", "1\0", "0x1",
    "٣", "１", "²", "Ⅷ", "1a",
]  # fmt: skip
NO_COLUMN = [
    "", " ", "-", "é", "ß", "ñ", "ａ", "а", "\u212a", "ı", "ﬀ", "a ", " a", "a\n", "\na", "a\0", "a-b",
    "a.b", "b1", "1b", "_",
]  # fmt: skip


@given(ROWS, COLUMNS)
def test_a_seat_is_found_by_its_canonical_label(row: int, column: int) -> None:
    assert parse_seat(str(row), column_label(column)) == (row, column)


@given(ROWS, COLUMNS)
def test_upper_case_means_the_same_column(row: int, column: int) -> None:
    assert parse_seat(str(row), column_label(column).upper()) == (row, column)


@given(ROWS, COLUMNS, st.booleans())
def test_letters_in_the_row_and_digits_in_the_column_can_mean_only_one_seat(row: int, column: int, upper: bool) -> None:
    letters = column_label(column)
    assert parse_seat(letters.upper() if upper else letters, str(row)) == (row, column)


def test_the_seeds_sample_is_row_10_column_b() -> None:
    assert parse_seat("B", "10") == (10, 2)


@pytest.mark.parametrize("letters", ["aB", "Ab"])
def test_cases_may_be_mixed(letters: str) -> None:
    assert parse_seat("1", letters) == (1, 28)


@pytest.mark.parametrize("row", NO_ROW)
@pytest.mark.parametrize("column", ["a", "1", ""])
def test_what_is_no_row_number_means_no_seat(row: str, column: str) -> None:
    with pytest.raises(InvalidSeatLabel):
        parse_seat(row, column)
    with pytest.raises(InvalidSeatLabel):
        parse_seat(column, row)


@pytest.mark.parametrize("column", NO_COLUMN)
@pytest.mark.parametrize("row", ["1", "a", ""])
def test_what_is_no_column_letter_means_no_seat(row: str, column: str) -> None:
    with pytest.raises(InvalidSeatLabel):
        parse_seat(row, column)
    with pytest.raises(InvalidSeatLabel):
        parse_seat(column, row)


@given(ROWS, ROWS)
def test_two_numbers_mean_no_seat(one: int, other: int) -> None:
    with pytest.raises(InvalidSeatLabel):
        parse_seat(str(one), str(other))


@given(COLUMNS, COLUMNS)
def test_two_columns_mean_no_seat(one: int, other: int) -> None:
    with pytest.raises(InvalidSeatLabel):
        parse_seat(column_label(one), column_label(other))


@given(st.text(max_size=8), st.text(max_size=8))
def test_any_text_is_the_label_of_one_seat_or_is_refused(row: str, column: str) -> None:
    labels = {text.lower() for text in (row, column)}
    try:
        seat = parse_seat(row, column)
    except InvalidSeatLabel:
        return
    number, letters = str(seat[0]), column_label(seat[1])
    assert labels == {number, letters} or seat[0] > LARGEST_ZONE[0] or seat[1] > LARGEST_ZONE[1]


@given(st.text(string.digits, min_size=1, max_size=12).filter(lambda text: text[0] != "0"))
def test_a_number_past_every_zone_never_becomes_a_seat_that_exists(text: str) -> None:
    row, _ = parse_seat(text, "a")
    assert row == int(text) or (int(text) > LARGEST_ZONE[0] and row > LARGEST_ZONE[0])


@given(st.text(string.ascii_letters, min_size=3, max_size=12))
def test_letters_past_every_zone_never_become_a_seat_that_exists(text: str) -> None:
    _, column = parse_seat("1", text)
    assert column > LARGEST_ZONE[1]


@pytest.mark.parametrize(("row", "column"), [("9" * 60_000, "a"), ("a", "9" * 60_000)])
def test_a_row_of_60_000_digits_is_at_most_out_of_range(row: str, column: str) -> None:
    number, letter = parse_seat(row, column)
    assert number > LARGEST_ZONE[0]
    assert letter == 1


@pytest.mark.parametrize(("row", "column"), [("1", "z" * 60_000), ("Z" * 60_000, "1")])
def test_a_column_of_60_000_letters_is_at_most_out_of_range(row: str, column: str) -> None:
    number, letter = parse_seat(row, column)
    assert number == 1
    assert letter > LARGEST_ZONE[1]


@pytest.mark.parametrize("row", ["9" * 60_000 + "x", "x" * 60_000 + "9", "0" * 60_000])
def test_of_60_000_characters_that_are_no_label_only_the_first_are_told_again(row: str) -> None:
    with pytest.raises(InvalidSeatLabel) as refused:
        parse_seat(row, "a")
    assert len(refused.value.facts["row"]) <= 16
