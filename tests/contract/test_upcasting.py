"""Decoding upcasts old messages, shown with two versions that were never released."""

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

from tests.stage.samples import TICKET_PURCHASED


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
    """Before a seat had a row and a column."""

    data: SaleTrial

    def lift(self) -> TicketPurchasedV0:
        """A seat was one text, row and column with a space between them."""
        sale = structs.asdict(self.data)
        row, column = sale.pop("seat").split()
        return TicketPurchasedV0(**structs.asdict(self) | {"data": SaleV0(**sale, row=row, column=column)})


CODEC = Codec[AnyMessage]((*RELEASED, TicketPurchasedV0, TicketPurchasedTrial))

SOLD_WITHOUT_HOLD = structs.replace(TICKET_PURCHASED, data=structs.replace(TICKET_PURCHASED.data, hold=None))
"""A sale without a hold, as all sales were before holds existed."""

NEWEST = structs.replace(SOLD_WITHOUT_HOLD, position="1-1", generation=1)
"""The newest version of both older messages below."""


def test_an_older_message_is_decoded_to_the_newest_version() -> None:
    assert CODEC.decode(as_sent(v0())) == NEWEST


def test_a_message_two_versions_old_is_lifted_twice() -> None:
    assert CODEC.decode(as_sent(trial())) == NEWEST


def test_a_message_of_the_newest_version_is_not_changed() -> None:
    assert CODEC.decode(as_sent(SOLD_WITHOUT_HOLD)) == NEWEST


def test_position_generation_and_trace_survive_the_lift() -> None:
    message = CODEC.decode(as_sent(trial()))

    assert (message.position, message.generation) == ("1-1", 1)
    assert message.traceparent == SOLD_WITHOUT_HOLD.traceparent


def test_handlers_match_over_the_newest_versions_only() -> None:
    handled = [handle(CODEC.decode(as_sent(message))) for message in (trial(), v0(), SOLD_WITHOUT_HOLD)]

    assert handled == [f"ticket {SOLD_WITHOUT_HOLD.data.ticket_id} purchased in USD"] * 3


def test_a_message_must_match_the_schema_of_its_own_version() -> None:
    with pytest.raises(MalformedMessage, match="currency"):
        CODEC.decode(encode(v0()).replace(b"ticket.purchased.v0", b"ticket.purchased.v1"))


def test_a_version_that_the_release_does_not_know_is_an_unknown_message() -> None:
    with pytest.raises(UnknownMessage, match=r"ticket\.purchased\.v0"):
        decode(encode(v0()))


def handle(message: AnyMessage) -> str:
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
    sold = structs.asdict(SOLD_WITHOUT_HOLD.data)
    sale = SaleV0(**{name: sold[name] for name in SaleV0.__struct_fields__})
    return TicketPurchasedV0(**structs.asdict(SOLD_WITHOUT_HOLD) | {"data": sale})


def trial() -> TicketPurchasedTrial:
    sold = structs.asdict(v0().data)
    sale = SaleTrial(seat=f"{sold.pop('row')} {sold.pop('column')}", **sold)
    return TicketPurchasedTrial(**structs.asdict(SOLD_WITHOUT_HOLD) | {"data": sale})


def as_sent(message: Message) -> bytes:
    return with_position(encode(message), Position(1, 1), 1)
