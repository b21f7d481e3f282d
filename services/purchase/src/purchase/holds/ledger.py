"""The holds in Redis: which seats each has, and until when."""

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

from contracts.catalogue import Zone
from contracts.codec import encode
from contracts.position import Position
from msgspec import Struct
from msgspec.structs import replace
from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from purchase.holds.hold import SEATS_MAX, Hold, HoldSeat, State, decode_hold, decode_seats, encode_hold, encode_seats
from purchase.holds.messages import best_seats_held, hold_expired, hold_released, seats_held
from purchase.refusals import HoldNotFound
from purchase.store import keys
from purchase.store.connection import OutcomeUnknown, Unavailable
from purchase.store.idempotency import REMEMBERED_SECONDS, IdempotencyKey, KeyMemory
from purchase.store.ids import partition_bits, partition_in
from purchase.store.partitions import Partitions
from purchase.store.scripts import load

SEATS_SEARCHED = 10_000
"""Seats among which one call finds the best. It blocks Redis for at most 5 ms (780 seats: 0.4 ms).

The largest possible zone, 702,000 seats with all but one sold, takes 72 calls; Redis serves others
in between.
"""


class Best(Struct, frozen=True):
    """A number of seats of a zone, the best that are free."""

    zone: Zone
    quantity: int


class NewHold(Struct, frozen=True, kw_only=True):
    """A hold to be made, as checked against `version` of its event.

    Where `best` is set, it has no seats yet. `limit` is how many seats its customer may have. The
    message continues the trace `traceparent`.
    """

    hold: Hold
    best: Best | None = None
    version: int
    limit: int | None
    key: IdempotencyKey | None
    traceparent: str | None = None

    @property
    def quantity(self) -> int:
        return self.best.quantity if self.best else len(self.hold.seats)


class Made(Struct, frozen=True):
    """A hold that was made, now or (replayed) when its idempotency key first came."""

    hold: Hold
    position: Position
    is_replayed: bool


class NotFree(Struct, frozen=True):
    """The named seats that are not free; or the number of free seats, fewer than were wanted."""

    full: Literal["zone", "event"] | None
    seats: tuple[HoldSeat, ...] = ()
    available: int | None = None


class Ended(Struct, frozen=True):
    """A hold that has ended in this state, and has no seats any more."""

    state: State
    position: Position


Refused = Literal["KEY_REUSED", "STALE", "LIMIT", "HOLDS", "IMPOSSIBLE"]
Outcome = Made | NotFree | Refused


class HoldLedger:
    """The holds of all partitions; a customer has at most `holds_per_customer` at a time."""

    def __init__(self, redis: Redis, partitions: Partitions, *, holds_per_customer: int) -> None:
        self._partitions = partitions
        self.holds_per_customer = holds_per_customer
        self._keys = KeyMemory(redis, partitions)
        self._hold = load(redis, "hold")
        self._hold_best = load(redis, "hold_best")
        self._end = load(redis, "end_hold")

    async def hold(self, wanted: NewHold) -> Outcome:
        """Hold all wanted seats or none; IMPOSSIBLE where no hold may have such seats.

        Raises Recovering, Overloaded, OutcomeUnknown.
        """
        if wanted.best:
            return await self._hold_best_of(wanted, wanted.best)
        seats = wanted.hold.seats
        is_possible = len(seats) <= SEATS_MAX and len({held.seat for held in seats}) == len(seats)
        last, answer = await self._make(
            self._hold,
            wanted,
            rows_of(wanted.hold) if is_possible else [],
            encode_seats(seats) if is_possible else b"",
            encode(seats_held(wanted.hold, wanted.traceparent)),
        )
        match answer:
            case [b"TAKEN" | b"ZONE_FULL" | b"EVENT_FULL" as word, *places]:
                return NotFree(_FULL[word], tuple(seats[place - 1] for place in places))
        return await self._made(wanted, last, answer)

    async def recall(self, partition: int, key: IdempotencyKey) -> Made | Literal["KEY_REUSED"] | None:
        """Return the hold that was made with this key; None when the key is new.

        Raises Recovering, Overloaded, OutcomeUnknown.
        """
        remembered = await self._keys.recall(partition, key)
        if remembered is None or remembered == "KEY_REUSED":
            return remembered
        hold_id, last = remembered
        return await self._made_before(UUID(bytes=hold_id), last)

    async def find(self, hold_id: UUID) -> Hold | None:
        """Return a hold; None when there is none, or it ended more than a day ago.

        Raises Recovering.
        """
        partition = partition_in(hold_id)
        if partition is None or partition >= self._partitions.count:
            return None
        fields = await self._partitions.ask("HGETALL", keys.hold(partition, hold_id.bytes))
        if not fields:
            await self._partitions.confirm(partition)
            return None
        return decode_hold(hold_id, fields)

    async def get(self, hold_id: UUID) -> Hold:
        """Return a hold that must exist. Raises HoldNotFound, Recovering."""
        hold = await self.find(hold_id)
        if hold is None:
            raise HoldNotFound("There is no such hold, or it ended more than a day ago.")
        return hold

    async def reread(self, hold: Hold) -> Hold:
        """Read a hold again after a write.

        Unavailable becomes OutcomeUnknown here, because the write may have happened.
        Raises HoldNotFound, OutcomeUnknown.
        """
        try:
            return await self.get(hold.hold_id)
        except Unavailable as error:
            raise OutcomeUnknown from error

    async def end(
        self, hold: Hold, *, is_given_up: bool, traceparent: str | None = None
    ) -> Ended | Literal["LIVE", "STALE"]:
        """End a hold that is past its deadline, or is given up and not being paid for. Idempotent.

        LIVE: it is neither. STALE: it has moved since it was read.

        Raises Recovering, Overloaded, OutcomeUnknown.
        """
        _, answer = await self._partitions.run(
            self._end,
            hold.partition,
            [*names_of(hold), *rows_of(hold)],
            hold.hold_id.bytes,
            hold.version,
            int(is_given_up),
            encode(hold_released(hold, traceparent)),
            encode(hold_expired(hold, traceparent)),
        )
        match answer:
            case [b"ENDED", state, position]:
                return Ended(state.decode(), Position.parse(position.decode()))
            case [b"LIVE"]:
                return "LIVE"
        return "STALE"

    async def remove_due(self, hold_id: UUID) -> None:
        """Remove a deleted hold from what is due. Raises Recovering, Overloaded."""
        partition = partition_bits(hold_id)
        await self._partitions.ask("ZREM", keys.due(partition), b"H" + hold_id.bytes)

    async def _hold_best_of(self, wanted: NewHold, best: Best) -> Outcome:
        """Hold the best seats of the first rows that have enough, part by part of the zone.

        The free seats that one call leaves, fewer than are wanted, are searched again by the next.
        """
        hold, zone = wanted.hold, best.zone
        several = max(1, SEATS_SEARCHED // zone.col_count)
        message = best_seats_held(hold, zone.zone_id, zone.price_cents, wanted.traceparent)
        free_in: dict[int, int] = {}
        for first in range(1, zone.row_count + 1, several):
            following = range(first, min(first + several, zone.row_count + 1))
            numbers = [*free_in, *following] if best.quantity <= SEATS_MAX else []
            rows = [keys.row(hold.partition, hold.event_id, zone.zone_id, number) for number in numbers]
            arguments = (zone.zone_id, zone.col_count, zone.price_cents, *message, *numbers)
            last, answer = await self._make(self._hold_best, wanted, rows, *arguments)
            match answer:
                case [b"ZONE_FULL"]:
                    return NotFree("zone", available=0)
                case [b"SHORT", *short]:
                    free_in = dict(zip(short[::2], short[1::2], strict=True))
                case _:
                    return await self._made(wanted, last, answer)
        return NotFree(None, available=sum(free_in.values()))

    async def _make(
        self, script: AsyncScript, wanted: NewHold, rows: Sequence[str], *arguments: str | bytes | int
    ) -> tuple[Position, list[Any]]:
        """Run a script that begins with `lua/lib/new_hold.lua`."""
        hold, key = wanted.hold, wanted.key
        partition, event_id = hold.partition, hold.event_id
        names = [
            keys.event(partition, event_id),
            keys.sold(partition, event_id),
            keys.customers(partition, event_id),
            *names_of(hold),
            *rows,
            *([keys.idempotency(partition, key.digest)] if key else []),
        ]
        return await self._partitions.run(
            script,
            partition,
            names,
            hold.hold_id.bytes,
            wanted.version,
            hold.customer_id or "",
            wanted.limit or 0,
            self.holds_per_customer,
            key.fingerprint if key else b"",
            REMEMBERED_SECONDS,
            encode_hold(hold),
            hold.deadline_ms,
            wanted.quantity,
            *arguments,
        )

    async def _made(self, wanted: NewHold, last: Position, answer: list[Any]) -> Made | Refused:
        match answer:
            case [b"HELD", position, seats]:
                hold = replace(wanted.hold, seats=decode_seats(seats))
                return Made(hold, Position.parse(position.decode()), is_replayed=False)
            case [b"REPLAYED", hold_id]:
                return await self._made_before(UUID(bytes=hold_id), last)
        [word] = answer
        refused: Refused = word.decode()
        return refused

    async def _made_before(self, hold_id: UUID, last: Position) -> Made:
        hold = await self.find(hold_id)
        assert hold is not None, "a key is remembered for a hold that is not stored"
        return Made(hold.as_made(), last, is_replayed=True)


def names_of(hold: Hold) -> list[str]:
    """Return the keys for a hold: the hold, its customer's live holds, the due holds."""
    partition = hold.partition
    return [
        keys.hold(partition, hold.hold_id.bytes),
        keys.held(partition, hold.event_id, hold.customer_id or ""),
        keys.due(partition),
    ]


def rows_of(hold: Hold) -> list[str]:
    """Return the keys of the rows of its seats, one for each seat, in their order."""
    return [keys.row(hold.partition, hold.event_id, held.seat.zone_id, held.seat.row) for held in hold.seats]


_FULL: dict[bytes, Literal["zone", "event"] | None] = {b"TAKEN": None, b"ZONE_FULL": "zone", b"EVENT_FULL": "event"}
