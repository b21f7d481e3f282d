"""Messages of purchase, with defaults that a test overrides where a value matters."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from contracts.catalogue import EventScheduled, Scheduled, Venue, VenueDefined, Zone
from contracts.codec import AnyMessage, encode, encode_batch
from contracts.hold import FreedSeat, Held, HeldSeat, HoldEnd, HoldExpired, HoldReleased, SeatsHeld
from contracts.payment import Capture, PaymentCaptured, PaymentRefunded, Refund
from contracts.position import Position
from contracts.seat import column_label
from contracts.ticket import Cancellation, Sale, TicketCancelled, TicketPurchased
from msgspec import structs

PARTITIONS = 8
PARTITION = 3
MOMENT = "2029-11-22T19:30:00.123456Z"
LATER = "2029-11-23T08:00:00.000001Z"
HOLD = "7d3f0a9c51e84b26c0de19f85b7a4e63"
OTHER_HOLD = "e15b8c2604f97ad3386a1cb0d95e72f4"


def zone(zone_id: int = 1, price_cents: int = 2_500, row_count: int = 5, col_count: int = 8) -> Zone:
    """A zone of 5 × 8 seats at 25.00."""
    return Zone(zone_id=zone_id, price_cents=price_cents, row_count=row_count, col_count=col_count)


def venue_defined(
    *,
    venue_id: str = "Venue2",
    name: str | None = "Arena «Süd»",
    position: str | None = "1-0",
    partition: int = PARTITION,
) -> VenueDefined:
    """A venue with two zones."""
    zones = [zone(1), zone(2, price_cents=5_000)]
    return VenueDefined(
        id=str(uuid4()),
        source="/purchase",
        subject=venue_id,
        time=MOMENT,
        partition=partition,
        position=position,
        data=Venue(venue_id=venue_id, name=name, city="Vancouver", currency="USD", zones=zones),
    )


def event_scheduled(
    *,
    event_id: str = "Event2",
    zones: Sequence[Zone] | None = None,
    name: str = "Event2",
    position: str = "1-1",
    partition: int = PARTITION,
) -> EventScheduled:
    """An event at Venue2, on sale."""
    return EventScheduled(
        id=str(uuid4()),
        source="/purchase",
        subject=event_id,
        time=MOMENT,
        partition=partition,
        position=position,
        data=Scheduled(
            event_id=event_id,
            venue_id="Venue2",
            name=name,
            type="concert",
            date=date(2030, 1, 1),
            currency="USD",
            zones=list(zones) if zones is not None else [zone(1), zone(2, price_cents=5_000)],
            sales_open_at=MOMENT,
        ),
    )


def purchased(
    ticket_id: UUID | None = None,
    *,
    event_id: str = "Event2",
    zone_id: int = 1,
    row: int = 1,
    column: int = 1,
    price_cents: int = 2_500,
    created_on: str = MOMENT,
    hold: str | None = None,
    generation: int | None = 1,
    position: str | None = "1-2",
    partition: int = PARTITION,
    traceparent: str | None = None,
) -> TicketPurchased:
    """The first sale of seat 1a in zone 1, without a hold."""
    ticket_id = ticket_id or uuid4()
    return TicketPurchased(
        id=f"{ticket_id}/1",
        source="/purchase",
        subject=str(ticket_id),
        time=MOMENT,
        partition=partition,
        position=position,
        generation=generation,
        traceparent=traceparent,
        data=Sale(
            ticket_id=ticket_id,
            venue_id="Venue2",
            event_id=event_id,
            zone_id=zone_id,
            row=str(row),
            column=column_label(column),
            price_cents=price_cents,
            currency="USD",
            created_on=created_on,
            hold=hold,
        ),
    )


def cancelled(sale: TicketPurchased, *, position: str = "1-3") -> TicketCancelled:
    """The cancellation of that ticket."""
    data = sale.data
    return TicketCancelled(
        id=f"{data.ticket_id}/2",
        source=sale.source,
        subject=sale.subject,
        time=LATER,
        partition=sale.partition,
        position=position,
        generation=sale.generation,
        data=Cancellation(
            ticket_id=data.ticket_id,
            venue_id=data.venue_id,
            event_id=data.event_id,
            zone_id=data.zone_id,
            row=data.row,
            column=data.column,
            price_cents=data.price_cents,
            currency=data.currency,
            created_on=data.created_on,
            cancelled_on=LATER,
        ),
    )


def seats_held(
    *seats: tuple[int, int],
    hold: str = HOLD,
    event_id: str = "Event2",
    zone_id: int = 1,
    expires_at: str = LATER,
    position: str | None = "1-2",
    partition: int = PARTITION,
) -> SeatsHeld:
    """A hold of these seats, each (row, column); by default of seat 1a."""
    return SeatsHeld(
        id=f"{hold}:{position}",
        source="/purchase",
        subject=hold,
        time=MOMENT,
        partition=partition,
        position=position,
        data=Held(
            hold=hold,
            event_id=event_id,
            seats=[
                HeldSeat(zone_id=zone_id, row=str(row), column=column_label(column), price_cents=2_500)
                for row, column in seats or [(1, 1)]
            ],
            expires_at=expires_at,
        ),
    )


def hold_released(held: SeatsHeld, *, position: str | None = "1-3") -> HoldReleased:
    """The release of that hold by the customer."""
    return HoldReleased(**_end_of(held, position))


def hold_expired(held: SeatsHeld, *, position: str | None = "1-3") -> HoldExpired:
    """The expiry of that hold, which was not paid in time."""
    return HoldExpired(**_end_of(held, position))


def payment_captured(*, position: str | None = "1-2", partition: int = PARTITION) -> PaymentCaptured:
    """A captured payment for one ticket."""
    return PaymentCaptured(
        id="pi_1:captured",
        source="/purchase",
        subject="pi_1",
        time=MOMENT,
        partition=partition,
        position=position,
        data=Capture(
            payment="pi_1",
            provider="sandbox",
            hold=HOLD,
            event_id="Event2",
            ticket_ids=[uuid4()],
            amount_cents=2_500,
            currency="USD",
            captured_on=MOMENT,
        ),
    )


def payment_refunded(*, position: str | None = "1-3", partition: int = PARTITION) -> PaymentRefunded:
    """The refund of a payment whose seats were no longer available."""
    return PaymentRefunded(
        id="pi_1:refunded:late",
        source="/purchase",
        subject="pi_1",
        time=LATER,
        partition=partition,
        position=position,
        data=Refund(payment="pi_1", provider="sandbox", amount_cents=2_500, currency="USD", refunded_on=LATER),
    )


def many_purchased(
    count: int, *, event_id: str = "Event2", first: int = 2, partition: int = PARTITION
) -> list[TicketPurchased]:
    """Sales of `count` different seats, in order, with positions from 1-`first` on."""
    return [
        purchased(
            event_id=event_id,
            zone_id=number // 780 + 1,
            row=number // 26 % 30 + 1,
            column=number % 26 + 1,
            position=str(Position(1, first + number)),
            partition=partition,
        )
        for number in range(count)
    ]


def batch(messages: Sequence[AnyMessage | bytes]) -> bytes:
    """Encode messages as one batch; bytes are included unchanged."""
    return encode_batch(message if isinstance(message, bytes) else encode(message) for message in messages)


def _end_of(held: SeatsHeld, position: str | None) -> dict[str, Any]:
    seats = [FreedSeat(zone_id=seat.zone_id, row=seat.row, column=seat.column) for seat in held.data.seats]
    end = HoldEnd(hold=held.data.hold, event_id=held.data.event_id, seats=seats)
    return structs.asdict(held) | {"id": f"{held.data.hold}:{position}", "position": position, "data": end}
