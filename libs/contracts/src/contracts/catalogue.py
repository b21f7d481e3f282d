"""Catalogue messages: the venues, and the events on sale in them with their prices."""

from datetime import date
from typing import Annotated

from msgspec import Meta, Struct

from contracts.message import Message
from contracts.text import whole
from contracts.timestamp import Timestamp

Identifier = Annotated[str, Meta(pattern=whole("[A-Za-z0-9._~-]{1,64}"))]
ZoneId = Annotated[int, Meta(ge=1, le=2**31 - 1, description="Unique within its venue.")]
Cents = Annotated[int, Meta(ge=0, le=99_999_999, description="Hundredths of the currency.")]
Currency = Annotated[str, Meta(pattern=whole("[A-Z]{3}"), description="ISO 4217 code.")]


class Zone(Struct, frozen=True, kw_only=True, rename="camel"):
    """A block of `row_count` × `col_count` seats at one price."""

    zone_id: ZoneId
    price_cents: Cents
    row_count: Annotated[int, Meta(ge=1, le=1_000)]
    col_count: Annotated[int, Meta(ge=1, le=702)]


class Venue(Struct, frozen=True, kw_only=True, rename="camel"):
    """A venue with all its zones."""

    venue_id: Identifier
    name: str | None = None
    city: str | None = None
    currency: Currency
    zones: Annotated[list[Zone], Meta(min_length=1)]


class Scheduled(Struct, frozen=True, kw_only=True, rename="camel"):
    """An event with all its zones and prices, and optionally the period in which it is on sale."""

    event_id: Identifier
    venue_id: Identifier
    name: str
    type: Annotated[str, Meta(description="Kind of show, for example `concert`.")]
    date: date
    currency: Currency
    zones: Annotated[list[Zone], Meta(min_length=1)]
    sales_open_at: Annotated[Timestamp, Meta(description="Absent: sales are open already.")] | None = None
    sales_close_at: Annotated[Timestamp, Meta(description="Absent: sales never close.")] | None = None
    max_seats_per_customer: Annotated[int, Meta(ge=1, le=2**63 - 1, description="Absent: no limit.")] | None = None


class VenueDefined(Message, frozen=True, kw_only=True, tag="venue.defined.v1"):
    """A venue was defined, or an existing one was redefined."""

    data: Venue


class EventScheduled(Message, frozen=True, kw_only=True, tag="event.scheduled.v1"):
    """An event was put on sale, or its zones, prices or terms of sale were changed."""

    data: Scheduled
