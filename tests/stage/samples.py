"""One message of every released version, as sent: with position and generation in front."""

from datetime import date
from uuid import UUID

from contracts.catalogue import EventScheduled, Scheduled, Venue, VenueDefined, Zone
from contracts.codec import encode, type_name, with_position
from contracts.hold import FreedSeat, Held, HeldSeat, HoldEnd, HoldExpired, HoldReleased, SeatsHeld
from contracts.message import Message
from contracts.payment import Capture, PaymentCaptured, PaymentRefunded, Refund
from contracts.position import Position
from contracts.ticket import Cancellation, Rejection, Sale, TicketCancelled, TicketPurchased, TicketRejected

ZONES = [
    Zone(zone_id=1, price_cents=2_500, row_count=5, col_count=8),
    Zone(zone_id=2, price_cents=5_000, row_count=5, col_count=8),
]
FIRST_TICKET = UUID("01b80eec-a57b-703a-8d41-6f0a2b7c9e15")
SECOND_TICKET = UUID("01b80eef-639f-703a-b2e7-14c9d05f83a6")
THIRD_TICKET = UUID("01b80ef3-5a1c-703a-9f60-2b8e7d41c095")
FOURTH_TICKET = UUID("01b80ef3-5a1c-703a-86d1-c07f3e92b4a8")
FIRST_HOLD = "7d3f0a9c51e84b26c0de19f85b7a4e63"
SECOND_HOLD = "402c9be7d6135fa8e0947b1d6ac2f853"
THIRD_HOLD = "e15b8c2604f97ad3386a1cb0d95e72f4"
PAYMENT = "pi_3PqT2mLk8vWzN4Xa0cR7sYbD"

VENUE_DEFINED = VenueDefined(
    id="5b0c2f4e-7d0a-4c65-9a52-0d6d6b8f1e37",
    source="/purchase",
    subject="Venue2",
    time="2029-11-22T09:00:00.000000Z",
    partition=29,
    data=Venue(venue_id="Venue2", name="Studio Stage", city="Vancouver", currency="USD", zones=ZONES),
)

EVENT_SCHEDULED = EventScheduled(
    id="c1f0a9d8-52b3-4c0e-8f2b-7f3a9f6f2d10",
    source="/purchase",
    subject="Event2",
    time="2029-11-22T09:00:01.250000Z",
    partition=58,
    data=Scheduled(
        event_id="Event2",
        venue_id="Venue2",
        name="Studio Night",
        type="concert",
        date=date(2030, 1, 2),
        currency="USD",
        zones=ZONES,
        sales_open_at="2029-11-22T10:00:00.000000Z",
        sales_close_at="2030-01-02T19:30:00.000000Z",
        max_seats_per_customer=4,
    ),
)

TICKET_PURCHASED = TicketPurchased(
    id="8e4d6b1c-0f5a-4b1c-9d27-3a54f18e6c02",
    source="/purchase",
    subject=str(FIRST_TICKET),
    time="2029-11-22T10:00:00.123456Z",
    partition=58,
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    data=Sale(
        ticket_id=FIRST_TICKET,
        venue_id="Venue2",
        event_id="Event2",
        zone_id=2,
        row="3",
        column="e",
        price_cents=5_000,
        currency="USD",
        created_on="2029-11-22T10:00:00.123456Z",
        hold="9a60b3e7f2c41d58a7e9034bc86d15f2",
    ),
)

TICKET_CANCELLED = TicketCancelled(
    id="2a447e90-6d3b-4f08-8c11-b7d2f0a4935e",
    source="/purchase",
    subject=str(FIRST_TICKET),
    time="2029-11-22T10:01:41.000700Z",
    partition=58,
    traceparent="00-9c1f7d3b20aa4f5e8b6d0c4e72f1a395-b7ad6b7169203331-01",
    data=Cancellation(
        ticket_id=FIRST_TICKET,
        venue_id="Venue2",
        event_id="Event2",
        zone_id=2,
        row="3",
        column="e",
        price_cents=5_000,
        currency="USD",
        created_on="2029-11-22T10:00:00.123456Z",
        cancelled_on="2029-11-22T10:01:41.000700Z",
    ),
)

TICKET_REJECTED = TicketRejected(
    id="6b027c3d-91ae-4c52-a0f4-58e1c6d97b20",
    source="/message-terminal",
    subject=str(SECOND_TICKET),
    time="2029-11-22T10:03:00.500000Z",
    partition=58,
    generation=1,
    data=Rejection(
        ticket_id=SECOND_TICKET,
        event_id="Event2",
        zone_id=2,
        row="3",
        column="e",
        owner_ticket_id=FIRST_TICKET,
    ),
)

SEATS_HELD = SeatsHeld(
    id=f"{FIRST_HOLD}:1",
    source="/purchase",
    subject=FIRST_HOLD,
    time="2029-11-22T10:05:00.000000Z",
    partition=58,
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    data=Held(
        hold=FIRST_HOLD,
        event_id="Event2",
        seats=[
            HeldSeat(zone_id=1, row="1", column="d", price_cents=2_500),
            HeldSeat(zone_id=2, row="1", column="e", price_cents=5_000),
        ],
        expires_at="2029-11-22T10:07:00.000000Z",
    ),
)

HOLD_RELEASED = HoldReleased(
    id=f"{SECOND_HOLD}:2",
    source="/purchase",
    subject=SECOND_HOLD,
    time="2029-11-22T10:06:12.345678Z",
    partition=58,
    data=HoldEnd(
        hold=SECOND_HOLD,
        event_id="Event2",
        seats=[FreedSeat(zone_id=1, row="2", column="d"), FreedSeat(zone_id=1, row="2", column="e")],
    ),
)

HOLD_EXPIRED = HoldExpired(
    id=f"{THIRD_HOLD}:2",
    source="/purchase",
    subject=THIRD_HOLD,
    time="2029-11-22T10:09:00.250000Z",
    partition=58,
    data=HoldEnd(hold=THIRD_HOLD, event_id="Event2", seats=[FreedSeat(zone_id=1, row="5", column="h")]),
)

PAYMENT_CAPTURED = PaymentCaptured(
    id=f"{PAYMENT}:captured",
    source="/purchase",
    subject=PAYMENT,
    time="2029-11-22T10:06:30.000250Z",
    partition=58,
    data=Capture(
        payment=PAYMENT,
        provider="stripe",
        hold=FIRST_HOLD,
        event_id="Event2",
        ticket_ids=[THIRD_TICKET, FOURTH_TICKET],
        amount_cents=7_500,
        currency="USD",
        captured_on="2029-11-22T10:06:30.000250Z",
    ),
)

PAYMENT_REFUNDED = PaymentRefunded(
    id=f"{PAYMENT}:refunded:{FOURTH_TICKET}",
    source="/purchase",
    subject=PAYMENT,
    time="2029-11-22T11:15:00.000900Z",
    partition=58,
    data=Refund(
        payment=PAYMENT,
        provider="stripe",
        hold=FIRST_HOLD,
        event_id="Event2",
        ticket_id=FOURTH_TICKET,
        amount_cents=5_000,
        currency="USD",
        refunded_on="2029-11-22T11:15:00.000900Z",
    ),
)


def samples() -> dict[str, bytes]:
    """Encode each sample, keyed by its type on the wire."""
    return {
        _type(VENUE_DEFINED): with_position(encode(VENUE_DEFINED), Position(1, 0), None),
        _type(EVENT_SCHEDULED): with_position(encode(EVENT_SCHEDULED), Position(1, 0), None),
        _type(TICKET_PURCHASED): with_position(encode(TICKET_PURCHASED), Position(1, 1), 1),
        _type(TICKET_CANCELLED): with_position(encode(TICKET_CANCELLED), Position(1, 2), 1),
        _type(TICKET_REJECTED): encode(TICKET_REJECTED),  # sent to purchase, so it passes no outbox
        _type(SEATS_HELD): with_position(encode(SEATS_HELD), Position(1, 3), None),
        _type(HOLD_RELEASED): with_position(encode(HOLD_RELEASED), Position(1, 4), None),
        _type(HOLD_EXPIRED): with_position(encode(HOLD_EXPIRED), Position(1, 9), None),
        _type(PAYMENT_CAPTURED): with_position(encode(PAYMENT_CAPTURED), Position(1, 8), None),
        _type(PAYMENT_REFUNDED): with_position(encode(PAYMENT_REFUNDED), Position(1, 10), None),
    }


def _type(message: Message) -> str:
    return type_name(type(message))
