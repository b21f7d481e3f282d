"""Default values of the catalogue, tickets, holds and orders; a test overrides what matters."""

from datetime import date
from itertools import count
from typing import Any, TypeVar

from contracts.catalogue import Zone
from contracts.ticket import Cancellation, Sale, TicketCancelled, TicketPurchased
from purchase.catalogue.event import Event, Venue
from purchase.holds.hold import Hold, HoldSeat
from purchase.holds.ledger import Best, NewHold
from purchase.seats.inventory import Order
from purchase.seats.seat import Seat
from purchase.seats.ticket import Ticket
from purchase.store import keys
from purchase.store.idempotency import IdempotencyKey
from purchase.store.ids import mint_id
from purchase.store.moments import now_us

PARTITIONS = 4
HOLD_MS = 120_000
PAYMENT_MS = 900_000
CREATED_US = 1_767_225_600_123_456
CANCELLED_ON = "2026-01-02T00:00:00.000000Z"
SALE_FIELDS = ("ticket_id", "venue_id", "event_id", "price_cents", "currency", "created_on")

T = TypeVar("T")

_numbers = count(1)


def zone(**fields: Any) -> Zone:
    """Return a zone of two rows of three seats."""
    return _made(Zone, {"zone_id": 1, "price_cents": 2_500, "row_count": 2, "col_count": 3}, fields)


def venue(**fields: Any) -> Venue:
    whole = {"venue_id": "Arena", "name": "Arena", "city": "Vancouver", "currency": "USD", "zones": (zone(),)}
    return _made(Venue, whole, fields)


def event(**fields: Any) -> Event:
    """Return an event at `venue()`, without zones, which come from its venue."""
    whole = {"event_id": "Gala", "venue_id": "Arena", "name": "Gala", "type": "concert", "date": date(2030, 1, 1)}
    return _made(Event, whole | {"currency": "", "zones": ()}, fields)


def ticket(**fields: Any) -> Ticket:
    """Return a ticket for seat "1", "a" of zone 1 of `event()`, with a new id."""
    event_id = fields.get("event_id", "Gala")
    minted = mint_id(keys.partition_of(event_id, PARTITIONS))
    place = {"venue_id": "Arena", "event_id": event_id, "seat": _seat(fields)}
    sale = {"ticket_id": minted, "price_cents": 2_500, "currency": "USD", "created_us": CREATED_US}
    return _made(Ticket, place | sale, fields)


def order(*, version: int = 1, limit: int | None = None, key: IdempotencyKey | None = None, **fields: Any) -> Order:
    """Return an order for `ticket(**fields)`, judged by the first version of its event."""
    wanted = ticket(**fields)
    return Order(ticket=wanted, version=version, limit=limit, key=key, message=purchased(wanted))


def hold(*seats: HoldSeat, event_id: str = "Gala", **fields: Any) -> Hold:
    """Return a hold of these seats for two minutes, by default of seat "1", "a" of zone 1."""
    minted = mint_id(keys.partition_of(event_id, PARTITIONS))
    ends_ms = now_us() // 1_000 + HOLD_MS
    terms = {"venue_id": "Arena", "currency": "USD", "customer_id": None, "created_us": CREATED_US}
    whole = {"hold_id": minted, "event_id": event_id, "seats": seats or (held_seat(),), "deadline_ms": ends_ms}
    return _made(Hold, terms | whole | {"expires_ms": ends_ms}, fields)


def held_seat(**fields: Any) -> HoldSeat:
    return _made(HoldSeat, {"seat": _seat(fields), "price_cents": 2_500}, fields)


def _seat(fields: dict[str, Any]) -> Seat:
    """Remove the seat's fields from `fields`, and return the seat; a missing field is 1."""
    return Seat(fields.pop("zone_id", 1), fields.pop("row", 1), fields.pop("column", 1))


def new_hold(
    *seats: HoldSeat, version: int = 1, limit: int | None = None, key: IdempotencyKey | None = None, **fields: Any
) -> NewHold:
    """Return an order for `hold(*seats, **fields)`, judged by the first version of its event."""
    wanted = hold(*seats, **fields)
    return NewHold(hold=wanted, version=version, limit=limit, key=key)


def best_hold(
    of: Zone,
    quantity: int,
    *,
    version: int = 1,
    limit: int | None = None,
    key: IdempotencyKey | None = None,
    **fields: Any,
) -> NewHold:
    """Return an order for the best seats of a zone, judged by the first version of its event."""
    return NewHold(hold=hold(seats=(), **fields), best=Best(of, quantity), version=version, limit=limit, key=key)


def purchased(sold: Ticket) -> TicketPurchased:
    """Return the message about the sale of this ticket."""
    return TicketPurchased(
        id=f"{sold.ticket_id}:1",
        source="/purchase",
        subject=str(sold.ticket_id),
        time=sold.created_on,
        partition=sold.partition,
        data=Sale(**_sale(sold)),
    )


def cancelled(sold: Ticket) -> TicketCancelled:
    """Return the message about the cancellation of this ticket."""
    return TicketCancelled(
        id=f"{sold.ticket_id}:2",
        source="/purchase",
        subject=str(sold.ticket_id),
        time=CANCELLED_ON,
        partition=sold.partition,
        data=Cancellation(cancelled_on=CANCELLED_ON, **_sale(sold)),
    )


def idempotency_key(digest: str | None = None, body: str = "a body") -> IdempotencyKey:
    """Return a key of a request with this body, with a new digest unless one is given."""
    return IdempotencyKey(digest or f"key-{next(_numbers)}", body.encode().ljust(16)[:16])


def _made(kind: type[T], defaults: dict[str, Any], overridden: dict[str, Any]) -> T:
    return kind(**defaults | overridden)


def _sale(sold: Ticket) -> dict[str, Any]:
    seat = {"zone_id": sold.seat.zone_id, "row": sold.seat.row_label, "column": sold.seat.column_label}
    return seat | {name: getattr(sold, name) for name in SALE_FIELDS}
