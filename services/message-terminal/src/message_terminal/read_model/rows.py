"""The rows of the read model, built from messages; datetimes are UTC, without a zone."""

from datetime import date, datetime

import msgspec
from contracts.catalogue import EventScheduled, VenueDefined
from contracts.hold import Held, HoldExpired, HoldReleased, SeatsHeld
from contracts.position import Position
from contracts.seat import column_number
from contracts.ticket import Sale, TicketCancelled, TicketPurchased
from contracts.timestamp import decode_timestamp
from msgspec import Struct

PAID = "PAID"
CANCELLED = "CANCELLED"
HELD = "HELD"
ENDED = "ENDED"

HoldMessage = SeatsHeld | HoldReleased | HoldExpired


class TicketRow(Struct, frozen=True, kw_only=True):
    """A ticket as stored."""

    ticket_id: str
    event_id: str
    venue_id: str
    zone_id: int
    seat_row: int
    seat_column: int
    generation: int
    revision: int
    status: str
    price_cents: int
    currency: str
    created_on: datetime
    cancelled_on: datetime | None


class ZoneRow(Struct, frozen=True, kw_only=True):
    """A zone of an event; geometry and price are None if the projected event lacks the zone."""

    event_id: str
    zone_id: int
    row_count: int | None = None
    col_count: int | None = None
    price_cents: int | None = None
    sold_count: int = 0
    revenue_cents: int = 0


class HeldSeatRow(Struct, frozen=True, kw_only=True):
    """A seat of a hold: the hold's end, and the position of the message it came from."""

    hold_reference: str
    event_id: str
    zone_id: int
    seat_row: int
    seat_column: int
    status: str
    held_until: datetime
    epoch: int
    sequence: int


class VenueRow(Struct, frozen=True, kw_only=True):
    """A venue, and the position of the message it came from."""

    venue_id: str
    name: str | None
    city: str | None
    currency: str
    zones: str
    epoch: int
    sequence: int


class EventRow(Struct, frozen=True, kw_only=True):
    """An event, and the position of the message it came from."""

    event_id: str
    venue_id: str
    name: str
    type: str
    date: date
    currency: str
    sales_open_at: datetime | None
    sales_close_at: datetime | None
    max_seats_per_customer: int | None
    epoch: int
    sequence: int


class PositionRow(Struct, frozen=True, kw_only=True):
    """The last projected position of a partition; epoch and sequence are None before the first."""

    partition_id: int
    epoch: int | None = None
    sequence: int | None = None


def ticket_row(message: TicketPurchased | TicketCancelled) -> TicketRow:
    """Build a ticket's row. Raises ValueError for an impossible date or time."""
    assert message.generation is not None
    data = message.data
    cancelled_on = message.data.cancelled_on if isinstance(message, TicketCancelled) else None
    return TicketRow(
        ticket_id=str(data.ticket_id),
        event_id=data.event_id,
        venue_id=data.venue_id,
        zone_id=data.zone_id,
        seat_row=int(data.row),
        seat_column=column_number(data.column),
        generation=message.generation,
        revision=data.revision,
        status=PAID if cancelled_on is None else CANCELLED,
        price_cents=data.price_cents,
        currency=data.currency,
        created_on=_moment(data.created_on),
        cancelled_on=_moment(cancelled_on) if cancelled_on is not None else None,
    )


def held_seat_rows(message: HoldMessage | TicketPurchased) -> list[HeldSeatRow]:
    """Build a row for each seat of the hold; none for a ticket that was sold without a hold.

    Raises ValueError for an impossible date or time.
    """
    data = message.data
    if data.hold is None:
        return []
    position = _position(message)
    return [
        HeldSeatRow(
            hold_reference=data.hold,
            event_id=data.event_id,
            zone_id=seat.zone_id,
            seat_row=int(seat.row),
            seat_column=column_number(seat.column),
            status=HELD if isinstance(data, Held) else ENDED,
            held_until=_moment(data.expires_at if isinstance(data, Held) else message.time),
            epoch=position.epoch,
            sequence=position.sequence,
        )
        for seat in ([data] if isinstance(data, Sale) else data.seats)
    ]


def venue_row(message: VenueDefined) -> VenueRow:
    """Build a venue's row."""
    data = message.data
    position = _position(message)
    return VenueRow(
        venue_id=data.venue_id,
        name=data.name,
        city=data.city,
        currency=data.currency,
        zones=msgspec.json.encode(data.zones).decode(),
        epoch=position.epoch,
        sequence=position.sequence,
    )


def event_row(message: EventScheduled) -> EventRow:
    """Build an event's row. Raises ValueError for an impossible date or time."""
    data = message.data
    position = _position(message)
    return EventRow(
        event_id=data.event_id,
        venue_id=data.venue_id,
        name=data.name,
        type=data.type,
        date=data.date,
        currency=data.currency,
        sales_open_at=_moment(data.sales_open_at) if data.sales_open_at is not None else None,
        sales_close_at=_moment(data.sales_close_at) if data.sales_close_at is not None else None,
        max_seats_per_customer=data.max_seats_per_customer,
        epoch=position.epoch,
        sequence=position.sequence,
    )


def _position(message: VenueDefined | EventScheduled | HoldMessage | TicketPurchased) -> Position:
    assert message.position is not None
    return Position.parse(message.position)


def _moment(text: str) -> datetime:
    return decode_timestamp(text).replace(tzinfo=None)
