"""Judging by the catalogue in memory what a script then decides, and anew when the event has changed meanwhile."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, TypeVar

from contracts.catalogue import Zone
from contracts.timestamp import encode_timestamp
from msgspec import Meta

from purchase.catalogue.offers import Event, Offer, Offers
from purchase.refusals import (
    CustomerRequired,
    EventNotFound,
    Refusal,
    SalesClosed,
    SalesNotOpen,
    SeatOutOfRange,
    ZoneNotFound,
)
from purchase.store.connection import Overloaded

TRIES = 10
"""How often an order is judged anew when its event changes under it."""

CustomerId = Annotated[str, Meta(min_length=1, max_length=128)]

Order = TypeVar("Order")
Outcome = TypeVar("Outcome")


async def decide(
    offers: Offers,
    event_id: str,
    judge: Callable[[Offer | None], Order],
    carry_out: Callable[[Order], Awaitable[Outcome]],
) -> tuple[Order, Outcome] | Refusal:
    """What was wanted as it was judged, and what became of it; or the refusal, as of at most a second ago.

    `judge` raises refusals; `carry_out` answers STALE where the version that was judged by is not the event's any more.

    Raises Overloaded when the event changes all the time, and whatever `carry_out` raises.
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
    """Raises EventNotFound."""
    if offer is None:
        raise EventNotFound(f"there is no event {event_id}", eventId=event_id)
    return offer


def zone_of(offer: Offer, zone_id: int) -> Zone:
    """Raises ZoneNotFound."""
    zone = offer.zones.get(zone_id)
    if zone is None:
        raise ZoneNotFound(f"event {offer.event.event_id} has no zone {zone_id}", zoneId=zone_id)
    return zone


def check_range(zone: Zone, row: int, column: int) -> None:
    """Raises SeatOutOfRange."""
    if row > zone.row_count or column > zone.col_count:
        raise SeatOutOfRange(
            f"zone {zone.zone_id} has {zone.row_count} rows of {zone.col_count} seats",
            zoneId=zone.zone_id,
            rowCount=zone.row_count,
            colCount=zone.col_count,
        )


def check_sale(event: Event) -> None:
    """Raises SalesNotOpen, SalesClosed."""
    opens, closes = event.sales_open_at, event.sales_close_at
    if opens is None and closes is None:
        return
    now = datetime.now(UTC)
    if opens is not None and now < opens:
        raise SalesNotOpen(f"sales open at {(told := encode_timestamp(opens))}", salesOpenAt=told)
    if closes is not None and now >= closes:
        raise SalesClosed(f"sales closed at {(told := encode_timestamp(closes))}", salesCloseAt=told)


def check_customer(event: Event, customer_id: str | None) -> None:
    """Raises CustomerRequired."""
    if event.max_seats_per_customer is not None and customer_id is None:
        raise CustomerRequired("the event limits the seats of each customer: name one", field="customerId")


def _version(offer: Offer | None) -> int | None:
    return offer.version if offer is not None else None
