"""What the catalogue tells: which venues there are, and which events are on sale in them at what price."""

from datetime import date
from typing import Annotated

from msgspec import Meta, Struct

from contracts.message import Message
from contracts.text import whole
from contracts.timestamp import Timestamp

Identifier = Annotated[str, Meta(pattern=whole("[A-Za-z0-9._~-]{1,64}"))]
ZoneId = Annotated[int, Meta(ge=1, le=2**31 - 1, description="Unique in its venue.")]
Cents = Annotated[int, Meta(ge=0, le=99_999_999, description="In hundredths of the currency.")]
Currency = Annotated[str, Meta(pattern=whole("[A-Z]{3}"), description="As ISO 4217 names it.")]


class Zone(Struct, frozen=True, kw_only=True, rename="camel"):
    """A block of `row_count` × `col_count` seats at one price."""

    zone_id: ZoneId
    price_cents: Cents
    row_count: Annotated[int, Meta(ge=1, le=1_000)]
    col_count: Annotated[int, Meta(ge=1, le=702)]


class Venue(Struct, frozen=True, kw_only=True, rename="camel"):
    """A place with its zones, whole."""

    venue_id: Identifier
    name: str | None = None
    city: str | None = None
    currency: Currency
    zones: Annotated[list[Zone], Meta(min_length=1)]


class Scheduled(Struct, frozen=True, kw_only=True, rename="camel"):
    """An event with the zones and prices it is sold at, whole; sold at once, or between the two moments if given."""

    event_id: Identifier
    venue_id: Identifier
    name: str
    type: Annotated[str, Meta(description="What kind of show, as `concert`.")]
    date: date
    currency: Currency
    zones: Annotated[list[Zone], Meta(min_length=1)]
    sales_open_at: Annotated[Timestamp, Meta(description="Absent: it is sold at once.")] | None = None
    sales_close_at: Annotated[Timestamp, Meta(description="Absent: it is sold without end.")] | None = None
    max_seats_per_customer: Annotated[int, Meta(ge=1, le=2**63 - 1, description="Absent: any number.")] | None = None


class VenueDefined(Message, frozen=True, kw_only=True, tag="venue.defined.v1"):
    """A venue was defined, or defined anew."""

    data: Venue


class EventScheduled(Message, frozen=True, kw_only=True, tag="event.scheduled.v1"):
    """An event was put on sale, or its zones, prices or sale were changed."""

    data: Scheduled
