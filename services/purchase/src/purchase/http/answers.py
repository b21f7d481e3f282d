"""What the commands answer: the shapes on the wire."""

from collections.abc import Mapping
from datetime import date

from contracts.position import Position
from contracts.timestamp import Timestamp
from msgspec import Struct

from purchase.catalogue.event import Event, Venue
from purchase.holds.hold import Hold, State
from purchase.payments.ledger import Begun
from purchase.seats.ticket import Ticket


class TicketAnswer(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A ticket as its buyer sees it; `receipt` comes with a purchase only and lets its holder undo it."""

    ticket_id: str
    venue_id: str
    event_id: str
    zone_id: int
    row: str
    column: str
    status: str
    price: float
    currency: str
    created_on: str
    receipt: str | None = None


class HeldSeatAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    zone_id: int
    row: str
    column: str
    price: float


class HoldAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """A hold as its customer sees it; its id is a secret: whoever has it may pay for the seats, or give them up."""

    hold_id: str
    event_id: str
    seats: list[HeldSeatAnswer]
    amount: float
    currency: str
    expires_at: str
    status: State


class ZoneAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    zone_id: int
    ticket_price: float
    row_count: int
    col_count: int


class VenueAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """A venue as it is defined now."""

    venue_id: str
    name: str | None
    city: str | None
    currency: str
    zones: list[ZoneAnswer]


class EventAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """An event as it is on sale now."""

    event_id: str
    venue_id: str
    name: str
    type: str
    date: date
    sales_open_at: Timestamp | None
    sales_close_at: Timestamp | None
    max_seats_per_customer: int | None


def ticket_answer(ticket: Ticket, status: str, receipt: str | None) -> TicketAnswer:
    return TicketAnswer(
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


class PaymentAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """A payment as it was begun; without a payment method its customer confirms it with the `clientSecret`.

    Its status is REQUIRES_PAYMENT, REQUIRES_ACTION or AUTHORISED; or PROCESSING, or CAPTURED at once, for some methods.
    """

    payment_id: str
    provider: str
    client_secret: str | None
    status: str


class ConfirmationAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """The tickets of a hold that is paid for."""

    hold_id: str
    tickets: list[TicketAnswer]
    amount: float
    currency: str


def hold_answer(hold: Hold, state: State) -> HoldAnswer:
    seats = [
        HeldSeatAnswer(
            zone_id=held.seat.zone_id,
            row=held.seat.row_label,
            column=held.seat.column_label,
            price=_amount(held.price_cents),
        )
        for held in hold.seats
    ]
    return HoldAnswer(
        hold_id=str(hold.hold_id),
        event_id=hold.event_id,
        seats=seats,
        amount=_amount(hold.amount_cents),
        currency=hold.currency,
        expires_at=hold.expires_at,
        status=state,
    )


def venue_answer(venue: Venue) -> VenueAnswer:
    zones = [
        ZoneAnswer(
            zone_id=zone.zone_id,
            ticket_price=_amount(zone.price_cents),
            row_count=zone.row_count,
            col_count=zone.col_count,
        )
        for zone in venue.zones
    ]
    return VenueAnswer(venue_id=venue.venue_id, name=venue.name, city=venue.city, currency=venue.currency, zones=zones)


def event_answer(event: Event) -> EventAnswer:
    told = event.as_data()
    return EventAnswer(
        event_id=told.event_id,
        venue_id=told.venue_id,
        name=told.name,
        type=told.type,
        date=told.date,
        sales_open_at=told.sales_open_at,
        sales_close_at=told.sales_close_at,
        max_seats_per_customer=told.max_seats_per_customer,
    )


def payment_answer(begun: Begun) -> PaymentAnswer:
    return PaymentAnswer(
        payment_id=begun.payment_id, provider=begun.provider, client_secret=begun.client_secret, status=begun.status
    )


def confirmation_answer(hold: Hold, tickets: list[TicketAnswer]) -> ConfirmationAnswer:
    return ConfirmationAnswer(
        hold_id=str(hold.hold_id), tickets=tickets, amount=_amount(hold.amount_cents), currency=hold.currency
    )


def consistency_token(positions: Mapping[int, Position]) -> str:
    """`<partition>:<epoch>-<sequence>`, several separated by commas: what a query sends back to read this write."""
    return ",".join(f"{partition}:{position}" for partition, position in positions.items())


def _amount(cents: int) -> float:
    """Minor units as a JSON number: the nearest float of a two-decimal amount prints as just that amount."""
    return cents / 100
