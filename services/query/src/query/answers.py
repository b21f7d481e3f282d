"""The answers of the queries as they stand in the JSON; money is a Decimal, times are text."""

from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from query.money import Money

IDENTIFIER_SHAPE = "1 to 64 characters of `A-Z a-z 0-9 . _ ~ -`."

TicketId = Annotated[str, Meta(description="A UUID; ids sort by time of sale.")]
EventId = Annotated[str, Meta(description=IDENTIFIER_SHAPE)]
VenueId = Annotated[str, Meta(description=IDENTIFIER_SHAPE)]
ZoneId = Annotated[int, Meta(description="Unique within the event.")]
RowLabel = Annotated[str, Meta(description="The row: `1` is the first.")]
ColumnLabel = Annotated[str, Meta(description="The column: `a` is the first, `z` is followed by `aa`.")]
Currency = Annotated[str, Meta(description="The ISO 4217 code.")]
Day = Annotated[date, Meta(description="The date of the show.")]
TicketStatus = Annotated[Literal["PAID", "CANCELLED"], Meta(description="A cancelled ticket no longer admits anyone.")]
SoldCount = Annotated[int, Meta(description="Sold tickets; cancelled ones do not count.")]
RowCount = Annotated[int, Meta(description="Rows of the zone.")]
ColCount = Annotated[int, Meta(description="Seats in each row.")]
NextCursor = Annotated[str | None, Meta(description="The `cursor` of the next page; null on the last page.")]


class Ticket(Struct, frozen=True, kw_only=True, rename="camel"):
    """A ticket as it was sold, and its status now."""

    ticket_id: TicketId
    venue_id: VenueId
    event_id: EventId
    zone_id: ZoneId
    row: RowLabel
    column: ColumnLabel
    status: TicketStatus
    price: Annotated[Money, Meta(description="The price it was sold for.")]
    currency: Currency
    created_on: Annotated[str, Meta(description="The time of sale: RFC 3339, in UTC, to the microsecond.")]


class TicketPage(Struct, frozen=True, kw_only=True, rename="camel"):
    """Tickets of one event by ticket id, and so by time of sale."""

    tickets: list[Ticket]
    next_cursor: NextCursor


class ZoneCount(Struct, frozen=True, kw_only=True, rename="camel"):
    """The number of sold tickets of a zone."""

    zone_id: ZoneId
    sold_count: SoldCount


class EventCount(Struct, frozen=True, kw_only=True, rename="camel"):
    """Every zone of the event by zone id, zones without a sale included."""

    event_id: EventId
    zones: list[ZoneCount]


class Revenue(Struct, frozen=True, kw_only=True, rename="camel"):
    """The revenue of an event."""

    event_id: EventId
    venue_id: VenueId
    ticket_price: Annotated[
        Money,
        Meta(description="The total revenue: the prices of all sold tickets; cancelled ones do not count."),
    ]
    currency: Currency
    sold_count: SoldCount


class Zone(Struct, frozen=True, kw_only=True, rename="camel"):
    """A block of seats at one price."""

    zone_id: ZoneId
    ticket_price: Annotated[Money, Meta(description="The price of a seat.")]
    row_count: RowCount
    col_count: ColCount


class VenueSummary(Struct, frozen=True, kw_only=True, rename="camel"):
    """A venue without its zones, as in a list."""

    venue_id: VenueId
    name: str | None
    city: str | None
    currency: Currency


class Venue(VenueSummary, frozen=True, kw_only=True, rename="camel"):
    """A venue and its zones; new events get these zones."""

    zones: list[Zone]


class VenuePage(Struct, frozen=True, kw_only=True, rename="camel"):
    """Venues by venue id."""

    venues: list[VenueSummary]
    next_cursor: NextCursor


class EventSummary(Struct, frozen=True, kw_only=True, rename="camel"):
    """An event without its zones, as in a list."""

    event_id: EventId
    venue_id: VenueId
    name: str
    type: Annotated[str, Meta(description="The kind of show, such as `concert`.")]
    date: Day
    currency: Currency
    sales_open_at: Annotated[
        str | None, Meta(description="Sales open at this time; null: they are open from the start.")
    ]
    sales_close_at: Annotated[str | None, Meta(description="Sales close at this time; null: they do not close.")]
    max_seats_per_customer: Annotated[int | None, Meta(description="Null: no limit.")]


class Event(EventSummary, frozen=True, kw_only=True, rename="camel"):
    """An event with its zones and the price of a seat in each."""

    zones: list[Zone]


class EventPage(Struct, frozen=True, kw_only=True, rename="camel"):
    """Events by event id."""

    events: list[EventSummary]
    next_cursor: NextCursor


class ZoneSeats(Zone, frozen=True, kw_only=True, rename="camel"):
    """A zone, seat by seat."""

    rows: Annotated[
        list[str],
        Meta(
            description="One string per row from row 1, one character per seat from column a: "
            "`.` is free, `H` held, `S` sold."
        ),
    ]


class SeatMap(Struct, frozen=True, kw_only=True, rename="camel"):
    """The seats of an event, zone by zone."""

    event_id: EventId
    venue_id: VenueId
    currency: Currency
    zones: list[ZoneSeats]


encode = msgspec.json.Encoder(decimal_format="number").encode
"""Write an answer as JSON, its money as numbers."""
