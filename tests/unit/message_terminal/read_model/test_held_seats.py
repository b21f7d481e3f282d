"""Held seats: the rows built from messages, and which message decides."""

from datetime import datetime

import pytest
from contracts.codec import AnyMessage
from hypothesis import given, strategies as st
from message_terminal.read_model.changes import Changes, Rows
from message_terminal.read_model.rows import ENDED, HELD, HeldSeatRow, held_seat_rows

from tests.stage.messages import (
    HOLD,
    OTHER_HOLD,
    hold_expired,
    hold_released,
    payment_captured,
    payment_refunded,
    purchased,
    seats_held,
)

EXPIRED = seats_held((1, 1), (1, 2), position="1-0")
STORY: list[AnyMessage] = [
    EXPIRED,
    seats_held((1, 2), (1, 3), hold=OTHER_HOLD, position="1-1"),
    seats_held((1, 2), (1, 3), hold=OTHER_HOLD, position="1-2"),
    hold_expired(EXPIRED, position="1-3"),
    purchased(column=2, hold=OTHER_HOLD, position="1-4"),
]
"""The end of a hold is published only after another hold has one of its seats."""


def changes_by(*messages: AnyMessage) -> Changes:
    """Return the changes that these messages make to an empty read model."""
    changes = Changes(tickets=Rows({}), zones=Rows({}), held_seats=Rows({}), venues=Rows({}), events=Rows({}))
    for message in messages:
        changes.apply(message)
    return changes


def statuses(held_seats: list[HeldSeatRow]) -> dict[tuple[str, int], str]:
    """Return the status of each held seat, by hold and column."""
    return {(seat.hold_reference, seat.seat_column): seat.status for seat in held_seats}


def test_each_seat_of_a_hold_has_the_end_of_the_hold() -> None:
    rows = held_seat_rows(seats_held((1, 2), (30, 28), zone_id=7, position="2-5"))

    assert rows == [
        HeldSeatRow(
            hold_reference=HOLD,
            event_id="Event2",
            zone_id=7,
            seat_row=row,
            seat_column=column,
            status=HELD,
            held_until=datetime(2029, 11, 23, 8, 0, 0, 1),
            epoch=2,
            sequence=5,
        )
        for row, column in ((1, 2), (30, 28))
    ]


def test_the_end_of_a_hold_ends_each_of_its_seats() -> None:
    held = seats_held((1, 1), (1, 2))

    for end in (hold_released(held), hold_expired(held)):
        assert statuses(held_seat_rows(end)) == {(HOLD, 1): ENDED, (HOLD, 2): ENDED}


def test_a_sale_ends_its_seat_in_the_hold_that_it_names_if_any() -> None:
    assert statuses(held_seat_rows(purchased(column=2, hold=HOLD))) == {(HOLD, 2): ENDED}
    assert held_seat_rows(purchased()) == []


def test_an_impossible_date_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="day is out of range"):
        held_seat_rows(seats_held(expires_at="2030-02-30T00:00:00.000000Z"))


def test_payments_change_nothing() -> None:
    changes = changes_by(payment_captured(), payment_refunded())

    assert (changes.tickets.new(), changes.zones.new(), changes.held_seats.new()) == ([], [], [])


@given(st.permutations(STORY), st.lists(st.sampled_from(STORY)))
def test_the_newest_position_decides_the_status_of_a_held_seat(
    story: list[AnyMessage], again: list[AnyMessage]
) -> None:
    assert statuses(changes_by(*story, *again).held_seats.new()) == {
        (HOLD, 1): ENDED,
        (HOLD, 2): ENDED,
        (OTHER_HOLD, 2): ENDED,
        (OTHER_HOLD, 3): HELD,
    }
