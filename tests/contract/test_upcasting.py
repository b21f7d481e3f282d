"""An old message is upcast before anyone sees it, proved with two versions older than any that was released."""

from typing import assert_never
from uuid import UUID

import pytest
from contracts.catalogue import Cents, EventScheduled, Identifier, VenueDefined, ZoneId
from contracts.codec import RELEASED, AnyMessage, Codec, MalformedMessage, UnknownMessage, decode, encode, with_position
from contracts.hold import HoldExpired, HoldReleased, SeatsHeld
from contracts.message import Message
from contracts.payment import PaymentCaptured, PaymentRefunded
from contracts.position import Position
from contracts.seat import ColumnLabel, RowLabel
from contracts.ticket import Sale, TicketCancelled, TicketPurchased, TicketRejected
from contracts.timestamp import Timestamp
from msgspec import Struct, structs

from tests.contract.samples import TICKET_PURCHASED


class SaleV0(Struct, frozen=True, kw_only=True, rename="camel"):
    ticket_id: UUID
    venue_id: Identifier
    event_id: Identifier
    zone_id: ZoneId
    row: RowLabel
    column: ColumnLabel
    price_cents: Cents
    created_on: Timestamp


class TicketPurchasedV0(Message, frozen=True, kw_only=True, tag="ticket.purchased.v0"):
    """Before a sale recorded its currency."""

    data: SaleV0

    def lift(self) -> TicketPurchased:
        """Every sale before currencies were recorded was in US dollars."""
        sale = Sale(**structs.asdict(self.data), currency="USD")
        return TicketPurchased(**structs.asdict(self) | {"data": sale})


class SaleTrial(Struct, frozen=True, kw_only=True, rename="camel"):
    ticket_id: UUID
    venue_id: Identifier
    event_id: Identifier
    zone_id: ZoneId
    seat: str
    price_cents: Cents
    created_on: Timestamp


class TicketPurchasedTrial(Message, frozen=True, kw_only=True, tag="ticket.purchased.trial"):
    """Before a seat was told as row and column."""

    data: SaleTrial

    def lift(self) -> TicketPurchasedV0:
        """A seat was one text, row and column with a space between them."""
        told = structs.asdict(self.data)
        row, column = told.pop("seat").split()
        return TicketPurchasedV0(**structs.asdict(self) | {"data": SaleV0(**told, row=row, column=column)})


CODEC = Codec[AnyMessage]((*RELEASED, TicketPurchasedV0, TicketPurchasedTrial))

SOLD_AT_ONCE = structs.replace(TICKET_PURCHASED, data=structs.replace(TICKET_PURCHASED.data, hold=None))
"""A sale as it was before there were holds."""

NEWEST = structs.replace(SOLD_AT_ONCE, position="1-1", generation=1)
"""What both of the older messages below mean."""


def test_an_older_message_is_read_as_the_newest() -> None:
    assert CODEC.decode(travelling(v0())) == NEWEST


def test_a_message_is_lifted_as_often_as_it_takes() -> None:
    assert CODEC.decode(travelling(trial())) == NEWEST


def test_the_newest_message_is_read_as_it_is() -> None:
    assert CODEC.decode(travelling(SOLD_AT_ONCE)) == NEWEST


def test_position_generation_and_trace_survive_the_lift() -> None:
    message = CODEC.decode(travelling(trial()))

    assert (message.position, message.generation) == ("1-1", 1)
    assert message.traceparent == SOLD_AT_ONCE.traceparent


def test_handlers_match_over_the_newest_versions_only() -> None:
    seen = [told(CODEC.decode(travelling(message))) for message in (trial(), v0(), SOLD_AT_ONCE)]

    assert seen == [f"ticket {SOLD_AT_ONCE.data.ticket_id} purchased in USD"] * 3


def test_an_older_message_keeps_the_promises_of_its_own_version() -> None:
    with pytest.raises(MalformedMessage, match="currency"):
        CODEC.decode(encode(v0()).replace(b"ticket.purchased.v0", b"ticket.purchased.v1"))


def test_a_release_that_does_not_know_a_version_says_so() -> None:
    with pytest.raises(UnknownMessage, match=r"ticket\.purchased\.v0"):
        decode(encode(v0()))


def told(message: AnyMessage) -> str:
    match message:
        case TicketPurchased(data=sale):
            return f"ticket {sale.ticket_id} purchased in {sale.currency}"
        case VenueDefined() | EventScheduled() | TicketCancelled() | TicketRejected():
            return "something else"
        case SeatsHeld() | HoldReleased() | HoldExpired() | PaymentCaptured() | PaymentRefunded():
            return "something else"
        case _:
            assert_never(message)


def v0() -> TicketPurchasedV0:
    sold = structs.asdict(SOLD_AT_ONCE.data)
    sale = SaleV0(**{name: sold[name] for name in SaleV0.__struct_fields__})
    return TicketPurchasedV0(**structs.asdict(SOLD_AT_ONCE) | {"data": sale})


def trial() -> TicketPurchasedTrial:
    sold = structs.asdict(v0().data)
    sale = SaleTrial(seat=f"{sold.pop('row')} {sold.pop('column')}", **sold)
    return TicketPurchasedTrial(**structs.asdict(SOLD_AT_ONCE) | {"data": sale})


def travelling(message: Message) -> bytes:
    return with_position(encode(message), Position(1, 1), 1)
