"""Seat labels as customers write them: either case, either way round, never ambiguous."""

import string

import pytest
from contracts.seat import column_label
from hypothesis import given, strategies as st
from purchase.refusals import InvalidSeatLabel
from purchase.seats.labels import parse_seat
from purchase.seats.seat import Seat

ZONE = 7
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
def test_a_canonical_label_is_read(row: int, column: int) -> None:
    assert parse_seat(ZONE, str(row), column_label(column)) == Seat(ZONE, row, column)


@given(ROWS, COLUMNS)
def test_upper_case_means_the_same_column(row: int, column: int) -> None:
    assert parse_seat(ZONE, str(row), column_label(column).upper()) == Seat(ZONE, row, column)


@given(ROWS, COLUMNS, st.booleans())
def test_letters_in_the_row_and_digits_in_the_column_can_mean_only_one_seat(row: int, column: int, upper: bool) -> None:
    letters = column_label(column)
    assert parse_seat(ZONE, letters.upper() if upper else letters, str(row)) == Seat(ZONE, row, column)


def test_the_seeds_sample_is_row_10_column_b() -> None:
    assert parse_seat(ZONE, "B", "10") == Seat(ZONE, 10, 2)


@pytest.mark.parametrize("letters", ["aB", "Ab"])
def test_cases_may_be_mixed(letters: str) -> None:
    assert parse_seat(ZONE, "1", letters) == Seat(ZONE, 1, 28)


@pytest.mark.parametrize("row", NO_ROW)
@pytest.mark.parametrize("column", ["a", "1", ""])
def test_a_label_without_a_row_number_is_refused(row: str, column: str) -> None:
    with pytest.raises(InvalidSeatLabel):
        parse_seat(ZONE, row, column)
    with pytest.raises(InvalidSeatLabel):
        parse_seat(ZONE, column, row)


@pytest.mark.parametrize("column", NO_COLUMN)
@pytest.mark.parametrize("row", ["1", "a", ""])
def test_a_label_without_column_letters_is_refused(row: str, column: str) -> None:
    with pytest.raises(InvalidSeatLabel):
        parse_seat(ZONE, row, column)
    with pytest.raises(InvalidSeatLabel):
        parse_seat(ZONE, column, row)


@given(ROWS, ROWS)
def test_two_numbers_are_refused(one: int, other: int) -> None:
    with pytest.raises(InvalidSeatLabel):
        parse_seat(ZONE, str(one), str(other))


@given(COLUMNS, COLUMNS)
def test_two_columns_are_refused(one: int, other: int) -> None:
    with pytest.raises(InvalidSeatLabel):
        parse_seat(ZONE, column_label(one), column_label(other))


@given(st.text(max_size=8), st.text(max_size=8))
def test_any_text_is_the_label_of_one_seat_or_is_refused(row: str, column: str) -> None:
    labels = {text.lower() for text in (row, column)}
    try:
        seat = parse_seat(ZONE, row, column)
    except InvalidSeatLabel:
        return
    is_in_a_zone = seat.row <= LARGEST_ZONE[0] and seat.column <= LARGEST_ZONE[1]
    assert labels == {seat.row_label, seat.column_label} or not is_in_a_zone


@given(st.text(string.digits, min_size=1, max_size=12).filter(lambda text: text[0] != "0"))
def test_a_number_past_every_zone_never_becomes_a_seat_that_exists(text: str) -> None:
    row = parse_seat(ZONE, text, "a").row
    assert row == int(text) or (int(text) > LARGEST_ZONE[0] and row > LARGEST_ZONE[0])


@given(st.text(string.ascii_letters, min_size=3, max_size=12))
def test_letters_past_every_zone_never_become_a_seat_that_exists(text: str) -> None:
    assert parse_seat(ZONE, "1", text).column > LARGEST_ZONE[1]


@pytest.mark.parametrize(("row", "column"), [("9" * 60_000, "a"), ("a", "9" * 60_000)])
def test_a_row_of_60_000_digits_is_at_most_out_of_range(row: str, column: str) -> None:
    seat = parse_seat(ZONE, row, column)
    assert seat.row > LARGEST_ZONE[0]
    assert seat.column == 1


@pytest.mark.parametrize(("row", "column"), [("1", "z" * 60_000), ("Z" * 60_000, "1")])
def test_a_column_of_60_000_letters_is_at_most_out_of_range(row: str, column: str) -> None:
    seat = parse_seat(ZONE, row, column)
    assert seat.row == 1
    assert seat.column > LARGEST_ZONE[1]


@pytest.mark.parametrize("row", ["9" * 60_000 + "x", "x" * 60_000 + "9", "0" * 60_000])
def test_a_refusal_repeats_only_the_first_of_60_000_characters(row: str) -> None:
    with pytest.raises(InvalidSeatLabel) as refused:
        parse_seat(ZONE, row, "a")
    assert len(refused.value.facts["row"]) <= 16


def test_a_refusal_lists_a_seat_by_its_canonical_labels() -> None:
    assert Seat(2, 10, 28).facts == {"zoneId": 2, "row": "10", "column": "ab"}
