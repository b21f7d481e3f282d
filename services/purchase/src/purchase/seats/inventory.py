"""The inventory: who has which seat. Scripts sell and free seats, many orders in one call."""

import asyncio
from collections.abc import Sequence
from itertools import islice
from typing import Any, Literal
from uuid import UUID

from contracts.catalogue import Zone
from contracts.codec import encode
from contracts.position import Position
from contracts.ticket import TicketCancelled, TicketPurchased
from msgspec import Struct
from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from purchase.seats.batching import Batching, QueueFull
from purchase.seats.occupancy import closing_rows
from purchase.seats.seat import Seat
from purchase.seats.ticket import Ticket, decode_ticket, encode_ticket
from purchase.store import keys
from purchase.store.connection import ANSWER_SECONDS, OutcomeUnknown, Overloaded
from purchase.store.idempotency import REMEMBERED_SECONDS, IdempotencyKey, KeyMemory
from purchase.store.ids import partition_in
from purchase.store.partitions import Partitions
from purchase.store.scripts import load

REFUND_MS = 10_000
"""How long the process that cancels a ticket has for its refund before any process may give it."""

ROWS_AT_ONCE = 64
"""Rows that are read at a time."""

SEATS_LISTED_MAX = 100
"""Seats in use that are listed; the first ones are enough to act on."""


class Order(Struct, frozen=True, kw_only=True):
    """An order for one seat, judged by a version of its event."""

    ticket: Ticket
    version: int
    limit: int | None
    key: IdempotencyKey | None
    message: TicketPurchased


class Sold(Struct, frozen=True):
    """The seat is sold; the position is that of its message."""

    position: Position


class Replayed(Struct, frozen=True):
    """The key has bought this ticket before; the position is the partition's last."""

    ticket: Ticket
    position: Position


Refused = Literal["KEY_REUSED", "STALE", "LIMIT", "TAKEN", "ZONE_FULL", "EVENT_FULL"]
Outcome = Sold | Replayed | Refused


class Cancelled(Struct, frozen=True):
    """The ticket is cancelled, now or before (not `is_new`).

    The position is that of its message, or the partition's last.
    """

    position: Position
    is_new: bool


class Inventory:
    """The seats, the tickets and the keys of all partitions."""

    def __init__(self, redis: Redis, partitions: Partitions) -> None:
        self._partitions = partitions
        self._sell = load(redis, "sell")
        self._cancel = load(redis, "cancel")
        self._reject = load(redis, "reject")
        self._keys = KeyMemory(redis, partitions)
        self._joined: Batching[Order, tuple[Position, list[Any]]] = Batching(self._sell_joined, lanes=partitions.count)

    async def sell(self, order: Order) -> Outcome:
        """Sell one seat, batched with other orders of the same moment.

        Raises Recovering, Overloaded, OutcomeUnknown.
        """
        partition = order.message.partition
        try:
            # The timeout also covers the time in the queue, behind a call without an answer.
            async with asyncio.timeout(ANSWER_SECONDS):
                last, answer = await self._joined.submit(partition, order)
        except QueueFull as error:
            raise Overloaded from error
        except TimeoutError as error:
            raise OutcomeUnknown from error
        match answer:
            case [b"SOLD", position, _]:
                return Sold(Position.parse(position.decode()))
            case [b"REPLAYED", ticket_id]:
                return Replayed(await self._ticket_sold(UUID(bytes=ticket_id)), last)
            case [refused]:
                word: Refused = refused.decode()
                return word
        raise AssertionError(f"the script answered {answer!r}")

    async def recall(self, partition: int, key: IdempotencyKey) -> Replayed | Literal["KEY_REUSED"] | None:
        """Return the purchase made with this key, None if there was none.

        Raises Recovering, Overloaded, OutcomeUnknown.
        """
        remembered = await self._keys.recall(partition, key)
        if remembered is None or remembered == "KEY_REUSED":
            return remembered
        ticket_id, last = remembered
        return Replayed(await self._ticket_sold(UUID(bytes=ticket_id)), last)

    async def ticket(self, ticket_id: UUID) -> Ticket | None:
        """Return the ticket as it was sold, also if it was cancelled since. Raises Recovering."""
        partition = partition_in(ticket_id)
        if partition is None or partition >= self._partitions.count:
            return None
        stored = await self._partitions.ask("HGET", keys.tickets(partition, ticket_id.bytes), ticket_id.bytes)
        if stored is None:
            await self._partitions.confirm(partition)
            return None
        return decode_ticket(ticket_id, stored[5:])

    async def tickets(self, ticket_ids: Sequence[UUID]) -> list[Ticket]:
        """Return these tickets, all of which exist. Raises Recovering."""
        stored = await asyncio.gather(*(self.ticket(ticket_id) for ticket_id in ticket_ids))
        tickets = [ticket for ticket in stored if ticket is not None]
        assert len(tickets) == len(ticket_ids), "a hold names tickets that do not exist"
        return tickets

    async def cancel(self, ticket: Ticket, message: TicketCancelled) -> Cancelled:
        """Cancel a ticket, free its seat and record that its refund is owed. Idempotent.

        Raises Recovering, Overloaded, OutcomeUnknown.
        """
        refund_ms = REFUND_MS if ticket.is_refundable else ""
        return await self._undo(self._cancel, ticket, [], encode(message), refund_ms)

    async def reject(self, ticket: Ticket, message: TicketCancelled, owner_id: UUID | None) -> Cancelled:
        """Cancel a ticket that the write model refused; give the seat to its owner, if any.

        Idempotent.

        Raises Recovering, Overloaded, OutcomeUnknown.
        """
        owner = owner_id.bytes if owner_id else b""
        buckets = [keys.tickets(ticket.partition, owner)] if owner else []
        refund_ms = 0 if ticket.is_refundable else ""
        return await self._undo(self._reject, ticket, buckets, encode(message), refund_ms, owner)

    async def in_use(self, event_id: str, before: tuple[Zone, ...], after: tuple[Zone, ...]) -> list[Seat]:
        """Return the first seats in `before`, but not in `after`, that are sold or held.

        Raises Recovering.
        """
        home = keys.partition_of(event_id, self._partitions.count)
        # Read first: a hold that has expired by now has expired for every later script.
        seconds, _ = await self._partitions.ask("TIME")
        in_use: list[Seat] = []
        closing = closing_rows(before, after)
        while len(in_use) < SEATS_LISTED_MAX and (rows := list(islice(closing, ROWS_AT_ONCE))):
            stored = await asyncio.gather(
                *(self._partitions.ask("HGETALL", keys.row(home, event_id, row.zone_id, row.row)) for row in rows)
            )
            for row, records in zip(rows, stored, strict=True):
                in_use += row.in_use(records, int(seconds) * 1_000)
        return in_use[:SEATS_LISTED_MAX]

    async def _undo(
        self, script: AsyncScript, ticket: Ticket, more_names: Sequence[str], *arguments: str | bytes | int
    ) -> Cancelled:
        """Run cancel.lua or reject.lua."""
        partition = ticket.partition
        ticket_id = ticket.ticket_id.bytes
        names = [
            keys.tickets(partition, ticket_id),
            keys.row(partition, ticket.event_id, ticket.seat.zone_id, ticket.seat.row),
            keys.sold(partition, ticket.event_id),
            keys.customers(partition, ticket.event_id),
            keys.due(partition),
            *more_names,
        ]
        seat = (ticket_id, ticket.seat.zone_id, ticket.seat.column, ticket.customer_id or "")
        _, (word, position) = await self._partitions.run(script, partition, names, *seat, *arguments)
        return Cancelled(Position.parse(position.decode()), is_new=word == b"CANCELLED")

    async def _ticket_sold(self, ticket_id: UUID) -> Ticket:
        ticket = await self.ticket(ticket_id)
        assert ticket is not None, f"a key is stored for ticket {ticket_id}, which does not exist"
        return ticket

    async def _sell_joined(self, partition: int, orders: Sequence[Order]) -> list[tuple[Position, list[Any]]]:
        names = _Places(first=3)
        arguments = [argument for order in orders for argument in _arguments(partition, order, names)]
        last, answers = await self._partitions.run(self._sell, partition, names.in_order, *arguments)
        return [(last, answer) for answer in answers]


class _Places:
    """The keys of a call, each once, in the order of their first use."""

    def __init__(self, first: int) -> None:
        self._places: dict[str, int] = {}
        self._first = first

    def __getitem__(self, name: str) -> int:
        return self._places.setdefault(name, len(self._places) + self._first)

    @property
    def in_order(self) -> list[str]:
        return list(self._places)


def _arguments(partition: int, order: Order, places: _Places) -> tuple[str | bytes | int, ...]:
    """Return one order as `sell.lua` reads it."""
    ticket = order.ticket
    seat = ticket.seat
    ticket_id = ticket.ticket_id.bytes
    return (
        places[keys.event(partition, ticket.event_id)],
        places[keys.sold(partition, ticket.event_id)],
        places[keys.customers(partition, ticket.event_id)],
        places[keys.held(partition, ticket.event_id, ticket.customer_id or "")] if order.limit else 0,
        places[keys.row(partition, ticket.event_id, seat.zone_id, seat.row)],
        places[keys.tickets(partition, ticket_id)],
        places[keys.idempotency(partition, order.key.digest)] if order.key else 0,
        seat.zone_id,
        seat.column,
        ticket_id,
        order.version,
        encode_ticket(ticket),
        ticket.customer_id or "",
        order.limit or 0,
        order.key.fingerprint if order.key else b"",
        REMEMBERED_SECONDS,
        encode(order.message),
    )
