"""Judges an order by the catalogue in memory; a script decides, unless the event has changed."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

from contracts.catalogue import Zone
from contracts.timestamp import encode_timestamp

from purchase.catalogue.event import Event
from purchase.catalogue.offers import Offer, Offers
from purchase.refusals import (
    CustomerRequired,
    EventNotFound,
    Refusal,
    SalesClosed,
    SalesNotOpen,
    SeatOutOfRange,
    ZoneNotFound,
)
from purchase.seats.seat import Seat
from purchase.store.connection import Overloaded

TRIES = 10
"""How often an order is judged anew when its event keeps changing."""

Order = TypeVar("Order")
Outcome = TypeVar("Outcome")


async def decide(
    offers: Offers,
    event_id: str,
    judge: Callable[[Offer | None], Order],
    carry_out: Callable[[Order], Awaitable[Outcome]],
) -> tuple[Order, Outcome] | Refusal:
    """Judge an order and carry it out; return both the order and the outcome, or the refusal.

    `judge` raises refusals. `carry_out` returns STALE where the order was judged by an older
    version of the event: it is then judged again. A refusal is based on an offer that was read at
    most a second ago.

    Raises Overloaded when the event keeps changing, and what `carry_out` raises.
    """
    offer = offers.known(event_id)
    for _ in range(TRIES):
        try:
            order = judge(offer)
        except Refusal as refusal:
            checked = await offers.checked(event_id)
            if _version(checked) == _version(offer):
                return refusal
            offer = checked
            continue
        outcome = await carry_out(order)
        if outcome != "STALE":
            return order, outcome
        offer = await offers.reloaded(event_id)
    raise Overloaded


def offered(offer: Offer | None, event_id: str) -> Offer:
    """Return the offer, which exists. Raises EventNotFound."""
    if offer is None:
        raise EventNotFound(f"There is no event {event_id}.", eventId=event_id)
    return offer


def zone_of(offer: Offer, zone_id: int) -> Zone:
    """Return a zone of the offer. Raises ZoneNotFound."""
    zone = offer.zones.get(zone_id)
    if zone is None:
        raise ZoneNotFound(f"Event {offer.event.event_id} has no zone {zone_id}.", zoneId=zone_id)
    return zone


def check_range(zone: Zone, seat: Seat) -> None:
    """Check that the zone has this seat. Raises SeatOutOfRange."""
    if seat.row > zone.row_count or seat.column > zone.col_count:
        raise SeatOutOfRange(
            f"Zone {zone.zone_id} has {zone.row_count} rows of {zone.col_count} seats.",
            zoneId=zone.zone_id,
            rowCount=zone.row_count,
            colCount=zone.col_count,
        )


def check_sale(event: Event) -> None:
    """Check that the event is on sale now. Raises SalesNotOpen, SalesClosed."""
    opens, closes = event.sales_open_at, event.sales_close_at
    if opens is None and closes is None:
        return
    now = datetime.now(UTC)
    if opens is not None and now < opens:
        raise SalesNotOpen(f"Sales open at {(text := encode_timestamp(opens))}.", salesOpenAt=text)
    if closes is not None and now >= closes:
        raise SalesClosed(f"Sales closed at {(text := encode_timestamp(closes))}.", salesCloseAt=text)


def check_customer(event: Event, customer_id: str | None) -> None:
    """Check that a customer is named if the event limits their seats. Raises CustomerRequired."""
    if event.max_seats_per_customer is not None and customer_id is None:
        raise CustomerRequired("The event limits the seats of each customer: send a customerId.", field="customerId")


def _version(offer: Offer | None) -> int | None:
    return offer.version if offer is not None else None
