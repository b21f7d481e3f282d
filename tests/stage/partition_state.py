"""The state of one partition in Redis, decoded from its bytes without the code of purchase."""

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from contracts.position import Position
from purchase.holds.hold import Hold, decode_hold
from purchase.seats.ticket import Ticket, decode_ticket
from purchase.store import keys
from redis import Redis
from redis.exceptions import ResponseError

SeatOfEvent = tuple[str, int, int, int]
"""Event, zone, row and column."""


@dataclass(frozen=True)
class StoredSeat:
    """A seat: how often it was sold, and its owner (None: free again).

    A hold owns it until `until_ms`, in ms since 1970.
    """

    generation: int
    owner: UUID | None
    until_ms: int | None = None


@dataclass(frozen=True)
class StoredTicket:
    """A ticket, and the number of its sale among those of its seat."""

    ticket: Ticket
    generation: int
    is_cancelled: bool

    @property
    def is_owed(self) -> bool:
        """Return whether its price must be refunded."""
        return self.is_cancelled and self.ticket.price_cents > 0


@dataclass(frozen=True)
class StoredMessage:
    """An unpublished message, with the position and the generation that the script stored."""

    position: Position
    generation: int | None
    message: bytes


@dataclass
class Stored:
    """One partition, without seats never sold, counters never moved, and customers without seats.

    `held` has, for each event and customer, the live holds: their number of seats, and their
    deadline in ms (None: they have none).
    """

    seats: dict[SeatOfEvent, StoredSeat] = field(default_factory=dict)
    tickets: dict[UUID, StoredTicket] = field(default_factory=dict)
    sold: dict[tuple[str, str], int] = field(default_factory=dict)
    customers: dict[tuple[str, str], int] = field(default_factory=dict)
    remembered: dict[str, tuple[bytes, UUID]] = field(default_factory=dict)
    holds: dict[UUID, Hold] = field(default_factory=dict)
    held: dict[tuple[str, str], dict[UUID, tuple[int, int | None]]] = field(default_factory=dict)
    due: dict[tuple[str, UUID], int] = field(default_factory=dict)
    messages: list[StoredMessage] = field(default_factory=list)
    last: Position | None = None


def read(redis: Redis, partition: int) -> Stored:
    """Read the whole partition. Raises KeyError for a key of an unknown kind."""
    kinds: dict[str, list[str]] = {kind: [] for kind in (*_READERS, *_CATALOGUE, *_SENT)}
    for name in redis.scan_iter(match=f"{{{partition}}}:*", count=1_000):
        kind, _, rest = name.decode().removeprefix(f"{{{partition}}}:").partition(":")
        kinds[kind].append(rest)
    places = [(kind, rest) for kind in _READERS for rest in kinds[kind]]
    pipeline: Any = redis.pipeline(transaction=False)
    for kind, rest in places:
        command, *more = _READERS[kind].command
        pipeline.execute_command(command, f"{{{partition}}}:{kind}:{rest}".rstrip(":"), *more)
    stored = Stored(last=_last(redis, partition))
    for (kind, rest), answer in zip(places, pipeline.execute(), strict=True):
        _READERS[kind].take(stored, rest, answer)
    return stored


def _last(redis: Any, partition: int) -> Position | None:
    try:
        facts = redis.xinfo_stream(keys.outbox(partition))
    except ResponseError:
        return None
    return Position.parse(facts["last-generated-id"].decode())


def _take_row(stored: Stored, rest: str, row: dict[bytes, bytes]) -> None:
    event_id, zone, number = rest.split(":")
    for column, seat in row.items():
        kind, generation = struct.unpack(">cI", seat[:5])
        place = (event_id, int(zone), int(number), int(column))
        match kind:
            case b"S":
                stored.seats[place] = StoredSeat(generation, UUID(bytes=seat[5:]))
            case b"H":
                stored.seats[place] = StoredSeat(generation, UUID(bytes=seat[5:21]), int.from_bytes(seat[21:]))
            case b"F":
                assert len(seat) == 5
                stored.seats[place] = StoredSeat(generation, owner=None)


def _take_tickets(stored: Stored, _: str, bucket: dict[bytes, bytes]) -> None:
    for ticket_id, kept in bucket.items():
        state, generation = struct.unpack(">cI", kept[:5])
        ticket = decode_ticket(UUID(bytes=ticket_id), kept[5:])
        stored.tickets[ticket.ticket_id] = StoredTicket(ticket, generation, {b"P": False, b"C": True}[state])


def _take_sold(stored: Stored, event_id: str, counters: dict[bytes, bytes]) -> None:
    stored.sold |= {(event_id, zone.decode()): int(count) for zone, count in counters.items()}


def _take_customers(stored: Stored, event_id: str, counters: dict[bytes, bytes]) -> None:
    stored.customers |= {(event_id, customer.decode()): int(count) for customer, count in counters.items()}


def _take_key(stored: Stored, digest: str, kept: bytes) -> None:
    stored.remembered[digest] = (kept[:16], UUID(bytes=kept[16:]))


def _take_hold(stored: Stored, name: str, fields: dict[bytes, bytes]) -> None:
    hold = decode_hold(UUID(name), fields)
    stored.holds[hold.hold_id] = hold


def _take_held(stored: Stored, rest: str, holds: list[tuple[bytes, float]]) -> None:
    event_id, _, customer_id = rest.partition(":")
    stored.held[event_id, customer_id] = {UUID(bytes=live[:16]): (live[16], _moment(ends)) for live, ends in holds}


def _moment(score: float) -> int | None:
    return None if math.isinf(score) else int(score)


def _take_due(stored: Stored, _: str, due: list[tuple[bytes, float]]) -> None:
    stored.due = {(member[:1].decode(), UUID(bytes=member[1:])): int(score) for member, score in due}


def _take_outbox(stored: Stored, _: str, entries: list[tuple[bytes, dict[bytes, bytes]]]) -> None:
    stored.messages = [
        StoredMessage(
            Position.parse(position.decode()),
            int(fields[b"generation"]) if fields[b"generation"] else None,
            fields[b"message"],
        )
        for position, fields in entries
    ]


@dataclass(frozen=True)
class _Reader:
    """The command that reads a key of one kind, and the function that stores its answer."""

    command: tuple[str, ...]
    take: Callable[[Stored, str, Any], None]


_READERS = {
    "row": _Reader(("HGETALL",), _take_row),
    "tickets": _Reader(("HGETALL",), _take_tickets),
    "sold": _Reader(("HGETALL",), _take_sold),
    "customers": _Reader(("HGETALL",), _take_customers),
    "idempotency": _Reader(("GET",), _take_key),
    "hold": _Reader(("HGETALL",), _take_hold),
    "held": _Reader(("ZRANGE", "0", "-1", "WITHSCORES"), _take_held),
    "due": _Reader(("ZRANGE", "0", "-1", "WITHSCORES"), _take_due),
    "outbox": _Reader(("XRANGE", "-", "+"), _take_outbox),
}
_CATALOGUE = ("epoch", "event", "venue", "venues", "venue-events", "relay", "webhooks", "webhook", "attention")
"""Kinds of keys without data about a seat."""

_SENT = ("late-refund",)
"""Kinds of keys that only record that a message was sent."""
