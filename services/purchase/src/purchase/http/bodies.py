"""Every request body as it stands in the JSON, and its translation into the domain's own values.

The names and limits of the fields are declared here only. A body that is a command of a desk
extends that command, so the decoder makes the command itself and nothing is copied.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from contracts.catalogue import Currency, Identifier, Zone, ZoneId
from contracts.text import whole
from msgspec import Meta, Struct

from purchase.box_office import PurchaseTicket
from purchase.catalogue.event import Event, Venue
from purchase.holds.desk import HoldBest, HoldSeats, NamedSeat
from purchase.refusals import InvalidRequest

SEATS_MAX = 1_000_000
"""Seats of an event, all zones together."""

PRICE_MAX = Decimal("999999.99")

_OTHER_DECIMALS = (
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF BHD IQD JOD KWD LYD OMR TND CLF UYW"
)
"""Currencies whose minor unit is not a hundredth (ISO 4217); prices here have two decimals."""

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Moment = Annotated[datetime, Meta(tz=True)]
EventId = Annotated[Identifier, Meta(description="The event.")]
VenueId = Annotated[Identifier, Meta(description="The venue.")]
ZoneOfSeat = Annotated[ZoneId, Meta(description="The zone of the event.")]
RowLabel = Annotated[str, Meta(description="The row: `1` is the first.")]
ColumnLabel = Annotated[str, Meta(description="The column, in either case: `a` is the first, `z` is followed by `aa`.")]
CustomerId = Annotated[str, Meta(min_length=1, max_length=128)]
Customer = Annotated[
    CustomerId | None, Meta(description="Your id of the customer. Required if the event has a `maxSeatsPerCustomer`.")
]
PaymentMethod = Annotated[str, Meta(pattern=whole("[A-Za-z0-9_-]{1,255}"))]
CustomerLimit = Annotated[int, Meta(ge=1, le=SEATS_MAX)]

# Raw: msgspec would accept a string as a Decimal, and a float would round.
Price = Annotated[
    msgspec.Raw,
    Meta(
        description="The price of a seat, with at most two decimals.",
        extra_json_schema={"type": "number", "minimum": 0, "maximum": float(PRICE_MAX)},
    ),
]


class PurchaseTicketBody(PurchaseTicket, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Buys one seat at once."""

    venue_id: Annotated[VenueId, Meta(description="The venue of the event.")]
    event_id: EventId
    zone_id: ZoneOfSeat
    row: RowLabel
    column: ColumnLabel
    customer_id: Customer = None


class NamedSeatBody(NamedSeat, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A seat by its zone and its labels."""

    zone_id: ZoneOfSeat
    row: RowLabel
    column: ColumnLabel


class HoldSeatsBody(HoldSeats, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Holds these seats, all or none."""

    event_id: EventId
    seats: Annotated[list[NamedSeatBody], Meta(min_length=1, description="At most 10 seats, each once.")]
    customer_id: Customer = None


class HoldBestBody(HoldBest, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Holds the best free seats of a zone, all or none."""

    event_id: EventId
    zone_id: ZoneOfSeat
    quantity: Annotated[int, Meta(ge=1, description="The number of seats, at most 10.")]
    customer_id: Customer = None


class BeginPaymentBody(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Begins to pay for a hold."""

    payment_method: Annotated[
        PaymentMethod | None,
        Meta(
            description="A payment method of the provider, which tries it at once. Without one the customer "
            "confirms the payment with the `clientSecret`."
        ),
    ] = None


class ConfirmHoldBody(Struct, frozen=True, forbid_unknown_fields=True):
    """An empty object."""


class ProviderEventBody(Struct):
    """An event of the payment provider's API; it may have more fields."""

    id: Annotated[str, Meta(description="The provider's id of the event.")]
    type: Annotated[str, Meta(description="The kind of event.")]
    data: Annotated[dict[str, Any], Meta(description="The object that the event is about.")]


class ZoneBody(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A block of seats at one price."""

    zone_id: Annotated[ZoneId, Meta(description="Unique within the venue.")]
    ticket_price: Price
    row_count: Annotated[int, Meta(ge=1, le=1_000, description="Rows of the zone.")]
    col_count: Annotated[int, Meta(ge=1, le=702, description="Seats in each row.")]


class DefineVenueBody(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A complete venue."""

    zones: Annotated[list[ZoneBody], Meta(min_length=1, description=f"At most {SEATS_MAX:,} seats in all.")]
    name: Annotated[Name | None, Meta(description="The name of the venue.")] = None
    city: Annotated[Name | None, Meta(description="The city of the venue.")] = None
    currency: Annotated[Currency, Meta(description="The ISO 4217 code of a currency with two decimals.")] = "USD"

    def venue(self, venue_id: str) -> Venue:
        """Return the venue with this id. Raises InvalidRequest."""
        if self.currency in _OTHER_DECIMALS.split():
            raise InvalidRequest(f"{self.currency} does not have two decimals.", field="currency")
        if len({zone.zone_id for zone in self.zones}) < len(self.zones):
            raise InvalidRequest("Zone ids must be distinct.", field="zones")
        if sum(zone.row_count * zone.col_count for zone in self.zones) > SEATS_MAX:
            raise InvalidRequest(f"An event has at most {SEATS_MAX} seats.", field="zones")
        zones = tuple(
            Zone(
                zone_id=zone.zone_id,
                price_cents=_cents(zone.ticket_price, f"zones[{place}].ticketPrice"),
                row_count=zone.row_count,
                col_count=zone.col_count,
            )
            for place, zone in enumerate(self.zones)
        )
        return Venue(venue_id=venue_id, name=self.name, city=self.city, currency=self.currency, zones=zones)


class ScheduleEventBody(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A complete event; it has the zones and prices of its venue."""

    venue_id: VenueId
    name: Annotated[Name, Meta(description="The name of the show.")]
    type: Annotated[str, Meta(min_length=1, max_length=64, description="The kind of show, such as `concert`.")]
    date: Annotated[date, Meta(description="The date of the show.")]
    sales_open_at: Annotated[
        Moment | None, Meta(description="Sales open at this time; null: they are open from the start.")
    ] = None
    sales_close_at: Annotated[Moment | None, Meta(description="Sales close at this time; null: they do not close.")] = (
        None
    )
    max_seats_per_customer: Annotated[
        CustomerLimit | None, Meta(description="Seats that one customer can have, sold and held; null: no limit.")
    ] = None

    def event(self, event_id: str) -> Event:
        """Return the event with this id, still without zones. Raises InvalidRequest."""
        if self.sales_open_at and self.sales_close_at and self.sales_close_at <= self.sales_open_at:
            raise InvalidRequest("Sales must close after they open.", field="salesCloseAt")
        return Event(
            event_id=event_id,
            venue_id=self.venue_id,
            name=self.name,
            type=self.type,
            date=self.date,
            currency="",
            zones=(),
            sales_open_at=_utc(self.sales_open_at, "salesOpenAt"),
            sales_close_at=_utc(self.sales_close_at, "salesCloseAt"),
            max_seats_per_customer=self.max_seats_per_customer,
        )


def _utc(moment: datetime | None, field: str) -> datetime | None:
    try:
        return moment and moment.astimezone(UTC)
    except OverflowError:
        raise InvalidRequest(f"{field} is out of range.", field=field) from None


def _cents(price: msgspec.Raw, field: str) -> int:
    text = bytes(price).decode()
    amount = Decimal(text) if text[0] in "-0123456789" else Decimal("NaN")
    if not amount.is_finite() or not 0 <= amount <= PRICE_MAX or amount != round(amount, 2):
        raise InvalidRequest(f"A price is a number from 0.00 to {PRICE_MAX}, with at most two decimals.", field=field)
    return int(amount * 100)
