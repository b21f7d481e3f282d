"""What becomes of a ticket: it is purchased, it may be cancelled, and the write model may reject it."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from contracts.catalogue import Cents, Currency, Identifier, ZoneId
from contracts.hold import HoldReference
from contracts.message import Message
from contracts.seat import ColumnLabel, RowLabel
from contracts.timestamp import Timestamp


class Sale(Struct, frozen=True, kw_only=True, rename="camel"):
    """The ticket as it was sold; out of a hold, or at once without one."""

    ticket_id: UUID
    venue_id: Identifier
    event_id: Identifier
    zone_id: ZoneId
    row: RowLabel
    column: ColumnLabel
    price_cents: Cents
    currency: Currency
    created_on: Timestamp
    revision: Annotated[Literal[1], Meta(description="Of the ticket: it was sold.")] = 1
    hold: HoldReference | None = None


class Cancellation(Struct, frozen=True, kw_only=True, rename="camel"):
    """The whole ticket again, so that whoever missed the sale still knows it, and when it was cancelled."""

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
    revision: Annotated[Literal[2], Meta(description="Of the ticket: it was cancelled.")] = 2


class Rejection(Struct, frozen=True, kw_only=True, rename="camel"):
    """The ticket that was refused, and the one that the seat belongs to."""

    ticket_id: UUID
    event_id: Identifier
    zone_id: ZoneId
    row: RowLabel
    column: ColumnLabel
    owner_ticket_id: Annotated[UUID, Meta(description="Absent: it was sold and cancelled since.")] | None = None


class TicketPurchased(Message, frozen=True, kw_only=True, tag="ticket.purchased.v1"):
    """A seat was paid for and has an owner."""

    data: Sale


class TicketCancelled(Message, frozen=True, kw_only=True, tag="ticket.cancelled.v1"):
    """A purchase was undone and its seat is free again."""

    data: Cancellation


class TicketRejected(Message, frozen=True, kw_only=True, tag="ticket.rejected.v1"):
    """The write model refused a ticket: the same sale of its seat belongs to another."""

    data: Rejection
