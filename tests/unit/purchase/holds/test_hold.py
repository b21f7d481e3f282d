"""A hold is decoded as it was encoded; its reference does not reveal its id."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, strategies as st
from purchase.holds.hold import Hold, HoldSeat, decode_hold, decode_seats, encode_hold, encode_seats
from purchase.seats.occupancy import is_in_use
from purchase.seats.seat import Seat
from purchase.store.ids import mint_id

from tests.stage.builders import held_seat, hold

NOW_MS = 1_767_225_600_123
HOLD_ID = mint_id(3)

SEATS = st.lists(
    st.builds(
        HoldSeat,
        seat=st.builds(Seat, zone_id=st.integers(1, 2**31 - 1), row=st.integers(1, 1_000), column=st.integers(1, 702)),
        price_cents=st.integers(0, 99_999_999),
    ),
    max_size=10,
).map(tuple)


def fields_of(stored: Hold, **more: bytes) -> dict[bytes, bytes]:
    """Return the hash that the scripts store."""
    fields = {
        "state": stored.state.encode(),
        "version": b"%d" % stored.version,
        "epoch": b"%d" % stored.epoch,
        "deadline": b"%d" % stored.deadline_ms,
        "attempt": b"%d" % stored.attempt,
        "hold": encode_hold(stored),
        "seats": encode_seats(stored.seats),
    }
    return {name.encode(): value for name, value in {**fields, **more}.items()}


@given(SEATS)
def test_seats_are_decoded_as_they_were_encoded(seats: tuple[HoldSeat, ...]) -> None:
    assert decode_seats(encode_seats(seats)) == seats


def test_the_bytes_of_a_seat_stay_as_they_are() -> None:
    stored = bytes.fromhex("00000002000a001c000009c4")
    assert encode_seats((held_seat(zone_id=2, row=10, column=28, price_cents=2_500),)) == stored


@given(SEATS, st.none() | st.text(min_size=1, max_size=128))
def test_a_hold_is_decoded_as_it_was_encoded(seats: tuple[HoldSeat, ...], customer_id: str | None) -> None:
    stored = hold(seats=seats, customer_id=customer_id, epoch=2, version=3)
    assert decode_hold(stored.hold_id, fields_of(stored)) == stored


def test_the_fields_of_its_payment_are_decoded_too() -> None:
    tickets = [mint_id(3), mint_id(3)]
    stored = hold(
        state="CONFIRMED",
        attempt=2,
        method="pm_card_visa",
        payment_id="pi_1",
        cap_ms=NOW_MS,
        code="card_declined",
        ticket_ids=tuple(tickets),
        is_captured=True,
    )
    more = {"method": b"pm_card_visa", "payment": b"pi_1", "cap": b"%d" % NOW_MS, "code": b"card_declined"}
    more |= {"tickets": b"".join(ticket.bytes for ticket in tickets), "captured": b"1"}
    assert decode_hold(stored.hold_id, fields_of(stored, **more)) == stored


def test_a_payment_that_is_not_known_yet_is_none() -> None:
    assert decode_hold(HOLD_ID, fields_of(hold(), payment=b"", method=b"")).payment_id is None


def test_a_reference_is_stable_and_has_no_part_of_the_id() -> None:
    known = UUID("01a20567-f5bc-7000-8f11-3a52d0c4be79")
    assert hold(hold_id=known).reference == "99f3a84605a9306a9bc77bedf597ab4a"


def test_a_hold_costs_what_its_seats_cost() -> None:
    assert hold(held_seat(price_cents=250), held_seat(column=2, price_cents=99)).amount_cents == 349


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"state": "HELD", "deadline_ms": NOW_MS + 1}, "HELD"),
        ({"state": "HELD", "deadline_ms": NOW_MS}, "EXPIRED"),
        ({"state": "PAYING", "deadline_ms": NOW_MS - 1}, "PAYING"),
        ({"state": "ENDING", "why": "RELEASED"}, "RELEASED"),
        ({"state": "ENDING", "why": "EXPIRED"}, "EXPIRED"),
        ({"state": "RELEASED", "deadline_ms": NOW_MS - 1}, "RELEASED"),
        ({"state": "CONFIRMED", "deadline_ms": NOW_MS - 1}, "CONFIRMED"),
    ],
)
def test_a_customer_sees_the_state_at_this_moment(changes: dict[str, Any], state: str) -> None:
    assert hold(**changes).state_at(NOW_MS) == state


def test_a_replay_returns_the_hold_as_it_was_made() -> None:
    made = hold()
    ended = hold(
        hold_id=made.hold_id, expires_ms=made.expires_ms, deadline_ms=made.deadline_ms - 5, state="EXPIRED", version=2
    )
    assert ended.as_made() == made


@pytest.mark.parametrize(
    ("record", "in_use"),
    [
        (b"S" + bytes(20), True),
        (b"F" + bytes(4), False),
        (b"H" + bytes(20) + (NOW_MS + 1).to_bytes(8), True),
        (b"H" + bytes(20) + NOW_MS.to_bytes(8), False),
        (b"H" + bytes(20) + bytes(8), True),
    ],
    ids=["sold", "free", "held", "run out", "being paid"],
)
def test_a_seat_that_is_sold_or_held_is_in_use(record: bytes, in_use: bool) -> None:
    assert is_in_use(record, NOW_MS) is in_use
