"""Verdicts on the tickets of a cancelled transaction, and the division into transactions."""

from typing import Any
from uuid import UUID

import pytest
from contracts.codec import decode, encode
from message_terminal.write_model.newest import Newest
from message_terminal.write_model.projector import Write, split_repeated_seats
from message_terminal.write_model.rejections import rejection
from message_terminal.write_model.verdicts import Verdict, judge

from tests.stage.messages import (
    cancelled,
    event_scheduled,
    hold_expired,
    hold_released,
    payment_captured,
    payment_refunded,
    purchased,
    seats_held,
)

NONE = {"Code": "None"}
CONFLICT = {"Code": "TransactionConflict"}
TICKET_KNOWN = {"Code": "ConditionalCheckFailed", "Item": {"revision": {"N": "2"}}}


def seat_has(generation: int, owner: str | None = "another") -> dict[str, Any]:
    """Return DynamoDB's reason when the seat's condition fails, with the stored seat."""
    item: dict[str, Any] = {"generation": {"N": str(generation)}}
    return {"Code": "ConditionalCheckFailed", "Item": item | ({"ticketId": {"S": owner}} if owner else {})}


@pytest.mark.parametrize(
    ("ticket", "seat", "verdict"),
    [
        (TICKET_KNOWN, NONE, Verdict.WRITTEN),
        (TICKET_KNOWN, seat_has(9), Verdict.WRITTEN),
        (TICKET_KNOWN, seat_has(3), Verdict.WRITTEN),
        (NONE, seat_has(4), Verdict.WRITE_WITHOUT_SEAT),
        (NONE, seat_has(4, owner=None), Verdict.WRITE_WITHOUT_SEAT),
        (NONE, seat_has(3), Verdict.DOUBLE_SALE),
        (NONE, seat_has(3, owner=None), Verdict.DOUBLE_SALE),
        (NONE, NONE, Verdict.RETRY),
        (CONFLICT, NONE, Verdict.RETRY),
        (NONE, {"Code": "ThrottlingError"}, Verdict.RETRY),
        (NONE, {"Code": "ProvisionedThroughputExceeded"}, Verdict.RETRY),
    ],
)
def test_the_cancellation_reasons_decide_the_verdict(ticket: Any, seat: Any, verdict: Verdict) -> None:
    assert judge(purchased(generation=3), ticket, seat) is verdict


@pytest.mark.parametrize("seat", [seat_has(3), seat_has(3, owner=None), seat_has(4)])
def test_a_cancellation_is_never_a_double_sale(seat: Any) -> None:
    end = cancelled(purchased(generation=3))

    assert judge(end, NONE, seat) is Verdict.WRITE_WITHOUT_SEAT
    assert judge(end, TICKET_KNOWN, seat) is Verdict.WRITTEN


def test_holds_and_payments_do_not_concern_the_write_model() -> None:
    held = seats_held()
    newest = Newest([held, hold_released(held), hold_expired(held), payment_captured(), payment_refunded()])

    assert newest.tickets == []
    assert newest.catalogue == []


def test_an_item_that_dynamodb_never_accepts_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="refuses ticket"):
        judge(purchased(), {"Code": "ValidationError", "Message": "too large"}, NONE)


def test_only_the_newest_message_of_a_ticket_is_written() -> None:
    sale = purchased()
    other = purchased(row=2)
    end = cancelled(sale)
    assert Newest([end, sale, other, sale]).tickets == [end, other]


def test_only_the_newest_message_of_an_event_is_written() -> None:
    newest = Newest([event_scheduled(position=f"1-{sequence}") for sequence in ("9", "10", "2")]).catalogue
    assert [message.position for message in newest] == ["1-10"]


def test_a_repeated_seat_goes_into_a_later_transaction() -> None:
    first, second, third = (Write(purchased(generation=number)) for number in (1, 2, 3))
    other = Write(purchased(row=2))
    assert split_repeated_seats([first, second, other, third]) == [[first, other], [second], [third]]


def test_rejections_of_a_ticket_have_the_same_id_and_can_be_decoded() -> None:
    sale, owner = purchased(), "0190d7d8-7c6b-7000-8000-000000000001"
    message = rejection(sale, owner)
    assert message.id == rejection(sale, None).id
    assert message.data.owner_ticket_id == UUID(owner)
    assert decode(encode(message)) == message
