"""The answers of the commands as they stand in the JSON, and their translation from the domain."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal

from contracts.position import Position
from contracts.timestamp import Timestamp
from msgspec import Meta, Struct

from purchase.catalogue.event import Event as OfferedEvent, Venue as DefinedVenue
from purchase.holds.hold import Hold as StoredHold, State
from purchase.payments.ledger import BegunPayment
from purchase.seats.ticket import Ticket as SoldTicket

TicketStatus = Literal["PAID", "CANCELLED"]

HoldId = Annotated[
    str, Meta(description="A UUID. Keep it secret: anyone who has it can pay for the hold or release it.")
]
EventId = Annotated[str, Meta(description="The event.")]
VenueId = Annotated[str, Meta(description="The venue.")]
ZoneId = Annotated[int, Meta(description="Unique within the event.")]
RowLabel = Annotated[str, Meta(description="The row: `1` is the first.")]
ColumnLabel = Annotated[str, Meta(description="The column: `a` is the first, `z` is followed by `aa`.")]
Currency = Annotated[str, Meta(description="The ISO 4217 code.")]


class Ticket(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A ticket as its buyer sees it."""

    ticket_id: Annotated[str, Meta(description="A UUID.")]
    venue_id: VenueId
    event_id: EventId
    zone_id: ZoneId
    row: RowLabel
    column: ColumnLabel
    status: Annotated[TicketStatus, Meta(description="A cancelled ticket no longer admits anyone.")]
    price: Annotated[float, Meta(description="The price it was sold for.")]
    currency: Currency
    created_on: Annotated[str, Meta(description="The time of sale: RFC 3339, in UTC, to the microsecond.")]
    receipt: Annotated[
        str | None, Meta(description="With it anyone can cancel the ticket. Only the answer to a sale has it.")
    ] = None


class HeldSeat(Struct, frozen=True, kw_only=True, rename="camel"):
    """A seat of a hold and its price."""

    zone_id: ZoneId
    row: RowLabel
    column: ColumnLabel
    price: Annotated[float, Meta(description="The price of the seat when it was held.")]


class Hold(Struct, frozen=True, kw_only=True, rename="camel"):
    """A hold as its customer sees it."""

    hold_id: HoldId
    event_id: EventId
    seats: Annotated[list[HeldSeat], Meta(description="The seats, and what they cost.")]
    amount: Annotated[float, Meta(description="The price of all seats.")]
    currency: Currency
    expires_at: Annotated[
        str,
        Meta(
            description="The hold expires at this time if no payment has begun. During a payment: its latest end. "
            "RFC 3339, in UTC."
        ),
    ]
    status: Annotated[
        State,
        Meta(description="`CONFIRMED`: the seats are sold. `CANCELLED`, `RELEASED`, `EXPIRED`: they are free again."),
    ]


class Payment(Struct, frozen=True, kw_only=True, rename="camel"):
    """A payment that has begun."""

    payment_id: Annotated[str, Meta(description="The provider's id of the payment.")]
    provider: Annotated[str, Meta(description="The payment provider, such as `stripe`.")]
    client_secret: Annotated[str | None, Meta(description="With it the customer confirms the payment at the provider.")]
    status: Annotated[
        str,
        Meta(
            description="`REQUIRES_PAYMENT`, `REQUIRES_ACTION` or `AUTHORISED`; for some payment methods `PROCESSING`, "
            "or `CAPTURED` at once."
        ),
    ]


class Confirmation(Struct, frozen=True, kw_only=True, rename="camel"):
    """The tickets of a confirmed hold."""

    hold_id: HoldId
    tickets: Annotated[list[Ticket], Meta(description="One for each seat of the hold.")]
    amount: Annotated[float, Meta(description="The price of all tickets.")]
    currency: Currency


class Zone(Struct, frozen=True, kw_only=True, rename="camel"):
    """A block of seats at one price."""

    zone_id: ZoneId
    ticket_price: Annotated[float, Meta(description="The price of a seat.")]
    row_count: Annotated[int, Meta(description="Rows of the zone.")]
    col_count: Annotated[int, Meta(description="Seats in each row.")]


class Venue(Struct, frozen=True, kw_only=True, rename="camel"):
    """A venue as it is defined now."""

    venue_id: VenueId
    name: Annotated[str | None, Meta(description="The name of the venue.")]
    city: Annotated[str | None, Meta(description="The city of the venue.")]
    currency: Currency
    zones: Annotated[list[Zone], Meta(description="The seats of the venue, zone by zone.")]


class Event(Struct, frozen=True, kw_only=True, rename="camel"):
    """An event as it is on sale now."""

    event_id: EventId
    venue_id: VenueId
    name: Annotated[str, Meta(description="The name of the show.")]
    type: Annotated[str, Meta(description="The kind of show, such as `concert`.")]
    date: Annotated[date, Meta(description="The date of the show.")]
    sales_open_at: Annotated[
        Timestamp | None, Meta(description="Sales open at this time; null: they are open from the start.")
    ]
    sales_close_at: Annotated[Timestamp | None, Meta(description="Sales close at this time; null: they do not close.")]
    max_seats_per_customer: Annotated[int | None, Meta(description="Null: no limit.")]


def ticket_answer(ticket: SoldTicket, status: TicketStatus, receipt: str | None) -> Ticket:
    return Ticket(
        ticket_id=str(ticket.ticket_id),
        venue_id=ticket.venue_id,
        event_id=ticket.event_id,
        zone_id=ticket.seat.zone_id,
        row=ticket.seat.row_label,
        column=ticket.seat.column_label,
        status=status,
        price=_amount(ticket.price_cents),
        currency=ticket.currency,
        created_on=ticket.created_on,
        receipt=receipt,
    )


def hold_answer(hold: StoredHold, state: State) -> Hold:
    seats = [
        HeldSeat(
            zone_id=held.seat.zone_id,
            row=held.seat.row_label,
            column=held.seat.column_label,
            price=_amount(held.price_cents),
        )
        for held in hold.seats
    ]
    return Hold(
        hold_id=str(hold.hold_id),
        event_id=hold.event_id,
        seats=seats,
        amount=_amount(hold.amount_cents),
        currency=hold.currency,
        expires_at=hold.expires_at,
        status=state,
    )


def payment_answer(begun: BegunPayment) -> Payment:
    return Payment(
        payment_id=begun.payment_id, provider=begun.provider, client_secret=begun.client_secret, status=begun.status
    )


def confirmation_answer(hold: StoredHold, tickets: list[Ticket]) -> Confirmation:
    return Confirmation(
        hold_id=str(hold.hold_id), tickets=tickets, amount=_amount(hold.amount_cents), currency=hold.currency
    )


def venue_answer(venue: DefinedVenue) -> Venue:
    zones = [
        Zone(
            zone_id=zone.zone_id,
            ticket_price=_amount(zone.price_cents),
            row_count=zone.row_count,
            col_count=zone.col_count,
        )
        for zone in venue.zones
    ]
    return Venue(venue_id=venue.venue_id, name=venue.name, city=venue.city, currency=venue.currency, zones=zones)


def event_answer(event: OfferedEvent) -> Event:
    scheduled = event.as_data()
    return Event(
        event_id=scheduled.event_id,
        venue_id=scheduled.venue_id,
        name=scheduled.name,
        type=scheduled.type,
        date=scheduled.date,
        sales_open_at=scheduled.sales_open_at,
        sales_close_at=scheduled.sales_close_at,
        max_seats_per_customer=scheduled.max_seats_per_customer,
    )


def consistency_token(positions: Mapping[int, Position]) -> str:
    """Return a Consistency-Token: `<partition>:<epoch>-<sequence>`, separated by commas."""
    return ",".join(f"{partition}:{position}" for partition, position in positions.items())


def _amount(cents: int) -> float:
    """Convert minor units to a JSON number.

    The nearest float of an amount with two decimals prints as exactly that amount.
    """
    return cents / 100
