"""Every request body as it is on the wire, and its translation into the domain's own values.

The constraints and the names on the wire are declared here only. A body that is a command of a desk extends
that command, so the decoder makes the command itself and nothing is copied.
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
"""Currencies whose minor unit is not a hundredth (ISO 4217): prices here are written with two decimals."""

CustomerId = Annotated[str, Meta(min_length=1, max_length=128)]

Name = Annotated[str, Meta(min_length=1, max_length=200)]

Moment = Annotated[datetime, Meta(tz=True)]

# As it was written: msgspec would take a Decimal from a text too, and a float would round.
Price = Annotated[msgspec.Raw, Meta(extra_json_schema={"type": "number", "minimum": 0, "maximum": float(PRICE_MAX)})]


class PurchaseTicketBody(PurchaseTicket, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Buys one seat at once."""

    venue_id: Identifier
    event_id: Identifier
    zone_id: ZoneId
    row: str
    column: str
    customer_id: CustomerId | None = None


class NamedSeatBody(NamedSeat, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A seat by its zone and its labels."""

    zone_id: ZoneId
    row: str
    column: str


class HoldSeatsBody(HoldSeats, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Holds these seats, all or none."""

    event_id: Identifier
    seats: Annotated[list[NamedSeatBody], Meta(min_length=1)]
    customer_id: CustomerId | None = None


class HoldBestBody(HoldBest, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Holds the best free seats of a zone, as many as `quantity`."""

    event_id: Identifier
    zone_id: ZoneId
    quantity: Annotated[int, Meta(ge=1)]
    customer_id: CustomerId | None = None


class BeginPaymentBody(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Begins to pay for a hold, by a method of the provider's that is tried at once, or without one by the customer."""

    payment_method: Annotated[str, Meta(pattern=whole("[A-Za-z0-9_-]{1,255}"))] | None = None


class ConfirmHoldBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing else is asked for."""


class ProviderEventBody(Struct):
    """An event of the payment provider's API; it may have more fields."""

    id: str
    type: str
    data: dict[str, Any]


class ZoneBody(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A block of seats at one price, which is in units of the currency with at most two decimals."""

    zone_id: ZoneId
    ticket_price: Price
    row_count: Annotated[int, Meta(ge=1, le=1_000)]
    col_count: Annotated[int, Meta(ge=1, le=702)]


class DefineVenueBody(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A venue, whole."""

    zones: Annotated[list[ZoneBody], Meta(min_length=1)]
    name: Name | None = None
    city: Name | None = None
    currency: Currency = "USD"

    def venue(self, venue_id: str) -> Venue:
        """The venue with this id. Raises InvalidRequest."""
        if self.currency in _OTHER_DECIMALS.split():
            raise InvalidRequest(f"{self.currency} does not have two decimals", field="currency")
        if len({zone.zone_id for zone in self.zones}) < len(self.zones):
            raise InvalidRequest("zone ids must be distinct", field="zones")
        if sum(zone.row_count * zone.col_count for zone in self.zones) > SEATS_MAX:
            raise InvalidRequest(f"an event has at most {SEATS_MAX} seats", field="zones")
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
    """An event, whole; it is sold with the zones of its venue."""

    venue_id: Identifier
    name: Name
    type: Annotated[str, Meta(min_length=1, max_length=64)]
    date: date
    sales_open_at: Moment | None = None
    sales_close_at: Moment | None = None
    max_seats_per_customer: Annotated[int, Meta(ge=1, le=SEATS_MAX)] | None = None

    def event(self, event_id: str) -> Event:
        """The event with this id, still without zones. Raises InvalidRequest."""
        if self.sales_open_at and self.sales_close_at and self.sales_close_at <= self.sales_open_at:
            raise InvalidRequest("sales must close after they open", field="salesCloseAt")
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
        raise InvalidRequest(f"{field} is out of range", field=field) from None


def _cents(price: msgspec.Raw, field: str) -> int:
    text = bytes(price).decode()
    amount = Decimal(text) if text[0] in "-0123456789" else Decimal("NaN")
    if not amount.is_finite() or not 0 <= amount <= PRICE_MAX or amount != round(amount, 2):
        raise InvalidRequest(f"a price is a number from 0.00 to {PRICE_MAX}, with at most two decimals", field=field)
    return int(amount * 100)
