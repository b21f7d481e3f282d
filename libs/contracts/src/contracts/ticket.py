"""Ticket messages: a ticket is purchased, may be cancelled; the write model may reject it."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from contracts.catalogue import Cents, Currency, Identifier, ZoneId
from contracts.hold import HoldReference
from contracts.message import Message
from contracts.seat import ColumnLabel, RowLabel
from contracts.timestamp import Timestamp


class Sale(Struct, frozen=True, kw_only=True, rename="camel"):
    """The ticket as it was sold, from a hold or directly."""

    ticket_id: UUID
    venue_id: Identifier
    event_id: Identifier
    zone_id: ZoneId
    row: RowLabel
    column: ColumnLabel
    price_cents: Cents
    currency: Currency
    created_on: Timestamp
    revision: Annotated[Literal[1], Meta(description="Revision of the ticket: sold.")] = 1
    hold: HoldReference | None = None


class Cancellation(Struct, frozen=True, kw_only=True, rename="camel"):
    """The whole ticket, for receivers that missed the sale, and the time of its cancellation."""

    ticket_id: UUID
    venue_id: Identifier
    event_id: Identifier
    zone_id: ZoneId
    row: RowLabel
    column: ColumnLabel
    price_cents: Cents
    currency: Currency
    created_on: Timestamp
    cancelled_on: Timestamp
    revision: Annotated[Literal[2], Meta(description="Revision of the ticket: cancelled.")] = 2


class Rejection(Struct, frozen=True, kw_only=True, rename="camel"):
    """The rejected ticket, and the ticket that owns the seat."""

    ticket_id: UUID
    event_id: Identifier
    zone_id: ZoneId
    row: RowLabel
    column: ColumnLabel
    owner_ticket_id: Annotated[UUID, Meta(description="Absent: the owning ticket has been cancelled since.")] | None = (
        None
    )


class TicketPurchased(Message, frozen=True, kw_only=True, tag="ticket.purchased.v1"):
    """A seat was sold and has an owner."""

    data: Sale


class TicketCancelled(Message, frozen=True, kw_only=True, tag="ticket.cancelled.v1"):
    """A ticket was cancelled, and its seat is free again."""

    data: Cancellation


class TicketRejected(Message, frozen=True, kw_only=True, tag="ticket.rejected.v1"):
    """The write model rejected a ticket: the same sale of its seat belongs to another ticket."""

    data: Rejection
