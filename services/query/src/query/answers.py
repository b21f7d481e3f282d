"""What the queries answer, as it stands in the JSON; money is a Decimal there, moments are text."""

from datetime import date
from typing import Literal

import msgspec
from msgspec import Struct

from query.money import Money


class Ticket(Struct, frozen=True, kw_only=True, rename="camel"):
    """A ticket as it was sold, and whether it still holds."""

    ticket_id: str
    venue_id: str
    event_id: str
    zone_id: int
    row: str
    column: str
    status: Literal["PAID", "CANCELLED"]
    price: Money
    currency: str
    created_on: str


class TicketPage(Struct, frozen=True, kw_only=True, rename="camel"):
    """Tickets of one event by ticket id, which is by time of sale."""

    tickets: list[Ticket]
    next_cursor: str | None


class ZoneCount(Struct, frozen=True, kw_only=True, rename="camel"):
    """How many tickets of a zone are sold, cancelled ones not counted."""

    zone_id: int
    sold_count: int


class EventCount(Struct, frozen=True, kw_only=True, rename="camel"):
    """Every zone of the event by zone id, also those that sold nothing."""

    event_id: str
    zones: list[ZoneCount]


class Revenue(Struct, frozen=True, kw_only=True, rename="camel"):
    """`ticketPrice` is the total revenue: each sold ticket at the price it was sold for, cancelled ones taken off."""

    event_id: str
    venue_id: str
    ticket_price: Money
    currency: str
    sold_count: int


class Zone(Struct, frozen=True, kw_only=True, rename="camel"):
    """A block of seats at one price."""

    zone_id: int
    ticket_price: Money
    row_count: int
    col_count: int


class VenueSummary(Struct, frozen=True, kw_only=True, rename="camel"):
    """A venue without its zones, as in a list."""

    venue_id: str
    name: str | None
    city: str | None
    currency: str


class Venue(VenueSummary, frozen=True, kw_only=True, rename="camel"):
    """A venue with the zones that new events will have."""

    zones: list[Zone]


class VenuePage(Struct, frozen=True, kw_only=True, rename="camel"):
    """Venues by venue id."""

    venues: list[VenueSummary]
    next_cursor: str | None


class EventSummary(Struct, frozen=True, kw_only=True, rename="camel"):
    """An event without its zones, as in a list; sold at once, or between the two moments if given."""

    event_id: str
    venue_id: str
    name: str
    type: str
    date: date
    currency: str
    sales_open_at: str | None
    sales_close_at: str | None
    max_seats_per_customer: int | None


class Event(EventSummary, frozen=True, kw_only=True, rename="camel"):
    """An event with its zones and what a seat costs in each."""

    zones: list[Zone]


class EventPage(Struct, frozen=True, kw_only=True, rename="camel"):
    """Events by event id."""

    events: list[EventSummary]
    next_cursor: str | None


class ZoneSeats(Zone, frozen=True, kw_only=True, rename="camel"):
    """A zone seat by seat: one string per row from row 1, one character per seat from column a.

    `.` is free, `H` held, `S` sold.
    """

    rows: list[str]


class SeatMap(Struct, frozen=True, kw_only=True, rename="camel"):
    """The seats of an event, zone by zone."""

    event_id: str
    venue_id: str
    currency: str
    zones: list[ZoneSeats]


encode = msgspec.json.Encoder(decimal_format="number").encode
"""Write an answer as JSON, its money as numbers."""
