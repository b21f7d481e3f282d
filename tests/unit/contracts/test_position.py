"""Positions compare as numbers, and have one spelling only."""

import msgspec
import pytest
from contracts.position import MalformedPosition, Position, PositionText
from hypothesis import given, strategies as st

NUMBERS = st.integers(0, 10**18 - 1)
POSITIONS = st.builds(Position, NUMBERS, NUMBERS)

MALFORMED = [
    "", "-", "1", "1-", "-1", "1--1", "-1-1", "1-2-3", "1-2 ", " 1-2", "1 -2", "1-2\n", "\n1-2", "01-2", "1-02", "00-0",
    "+1-2", "1-+2", "1_0-2", "1.0-2", "1e3-2", "a-b", "1-b", "0x1-2", "1–2", "١-٢", "1-٢", "１-２", "²-1", "1-2\0",
    "1000000000000000000-0", "0-1000000000000000000", "9" * 5000 + "-0",
]  # fmt: skip


@given(POSITIONS)
def test_a_parsed_position_equals_the_formatted_one(position: Position) -> None:
    assert Position.parse(str(position)) == position


@given(POSITIONS, POSITIONS)
def test_positions_compare_by_epoch_then_by_sequence(one: Position, other: Position) -> None:
    assert (one < other) == ((one.epoch, one.sequence) < (other.epoch, other.sequence))


def test_positions_are_ordered_as_numbers_not_as_text() -> None:
    texts = ["10-0", "2-10", "1-9", "2-9", "1-10", "0-0"]

    assert [str(position) for position in sorted(Position.parse(text) for text in texts)] == [
        "0-0", "1-9", "1-10", "2-9", "2-10", "10-0",
    ]  # fmt: skip


@pytest.mark.parametrize("text", MALFORMED)
def test_any_other_spelling_is_malformed(text: str) -> None:
    with pytest.raises(MalformedPosition):
        Position.parse(text)


@pytest.mark.parametrize("text", MALFORMED)
def test_messages_refuse_the_same_texts(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(text, PositionText)


@given(st.text())
def test_messages_accept_exactly_what_can_be_parsed(text: str) -> None:
    try:
        msgspec.convert(text, PositionText)
    except msgspec.ValidationError:
        with pytest.raises(MalformedPosition):
            Position.parse(text)
    else:
        Position.parse(text)


def test_the_highest_position_fits_a_signed_64_bit_number() -> None:
    highest = Position.parse("999999999999999999-999999999999999999")

    assert highest.epoch < 2**63
    assert highest.sequence < 2**63
