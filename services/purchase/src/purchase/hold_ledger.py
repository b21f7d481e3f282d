"""Who holds which seats, and until when: held, freed and found again by scripts."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from contracts.codec import encode
from contracts.hold import SeatsHeld
from contracts.position import Position
from msgspec import Struct
from redis.asyncio import Redis

from purchase import keys
from purchase.hold_messages import hold_expired, hold_released
from purchase.holds import Hold, HoldSeat, State, decode_hold, encode_hold, encode_seats
from purchase.inventory import REMEMBERED_SECONDS, IdempotencyKey
from purchase.outbox import Outbox
from purchase.scripts import load
from purchase.tickets import partition_in


class NewHold(Struct, frozen=True, kw_only=True):
    """A hold that is wanted, as it was judged by a version of its event.

    Where `is_possible` is false its seats cannot be held together, and only what stands before that is told.
    """

    hold: Hold
    version: int
    limit: int | None
    key: IdempotencyKey | None
    message: SeatsHeld
    is_possible: bool = True


class Made(Struct, frozen=True):
    """The seats are the hold's, now or (replayed) since its idempotency key first came."""

    hold: Hold
    position: Position
    is_replayed: bool


Refusal = Literal["KEY_REUSED", "STALE", "LIMIT", "HOLDS", "IMPOSSIBLE", "TAKEN", "ZONE_FULL", "EVENT_FULL"]


class NotMade(Struct, frozen=True):
    """Nothing was held; `seats` are those of the wanted that are not free."""

    word: Refusal
    seats: tuple[HoldSeat, ...] = ()


class Ended(Struct, frozen=True):
    """The hold has ended in this state, and its seats are not its own any more."""

    state: State
    position: Position


class HoldLedger:
    """The holds of all partitions."""

    def __init__(self, redis: Redis, outbox: Outbox, *, holds_per_customer: int) -> None:
        self._outbox = outbox
        self._holds_per_customer = holds_per_customer
        pieces = ("outbox", "clock", "seat", "hold")
        self._hold = load(redis, "hold", *pieces, "capacity", "customer", "new_hold")
        self._end = load(redis, "end_hold", *pieces)

    async def hold(self, wanted: NewHold) -> Made | NotMade:
        """Hold these seats, all or none. Raises Recovering, Overloaded, OutcomeUnknown."""
        seats = wanted.hold.seats
        last, answer = await self._outbox.run(
            self._hold,
            wanted.hold.partition,
            _names(wanted, rows_of(wanted.hold) if wanted.is_possible else []),
            *self._arguments(wanted),
            len(seats),
            encode_seats(seats) if wanted.is_possible else b"",
            encode(wanted.message),
        )
        match answer:
            case [b"HELD", position, _]:
                return Made(wanted.hold, Position.parse(position.decode()), is_replayed=False)
            case [b"REPLAYED", hold_id]:
                return Made(await self._hold_made(hold_id), last, is_replayed=True)
            case [word, *places]:
                return NotMade(word.decode(), tuple(seats[place - 1] for place in places))
        raise AssertionError(f"the script answered {answer!r}")

    async def find(self, hold_id: UUID) -> Hold | None:
        """The hold as it is now, or ended less than a day ago. Raises Recovering."""
        partition = partition_in(hold_id)
        if partition is None or partition >= self._outbox.partitions:
            return None
        fields = await self._outbox.ask("HGETALL", keys.hold(partition, hold_id.bytes))
        if not fields:
            await self._outbox.confirm(partition)
            return None
        return decode_hold(hold_id, fields)

    async def end(
        self, hold: Hold, *, is_given_up: bool, traceparent: str | None = None
    ) -> Ended | Literal["LIVE", "STALE"]:
        """End a hold whose time is over, or one that is given up and not being paid; repeating it changes nothing.

        Raises Recovering, Overloaded, OutcomeUnknown.
        """
        _, answer = await self._outbox.run(
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
            case [b"STALE"]:
                return "STALE"
        raise AssertionError(f"the script answered {answer!r}")

    def _arguments(self, wanted: NewHold) -> tuple[str | bytes | int, ...]:
        """What `lua/lib/new_hold.lua` is told."""
        hold, key = wanted.hold, wanted.key
        return (
            hold.hold_id.bytes,
            wanted.version,
            hold.customer_id or "",
            wanted.limit or 0,
            self._holds_per_customer,
            key.fingerprint if key else b"",
            REMEMBERED_SECONDS,
            encode_hold(hold),
            hold.deadline_ms,
        )

    async def _hold_made(self, hold_id: bytes) -> Hold:
        hold = await self.find(UUID(bytes=hold_id))
        assert hold is not None, "a key is remembered for a hold that is not kept"
        return hold.as_made()


def names_of(hold: Hold) -> list[str]:
    """The keys of every call about a hold: itself, its customer's live holds, what is due."""
    partition = hold.partition
    return [
        keys.hold(partition, hold.hold_id.bytes),
        keys.held(partition, hold.event_id, hold.customer_id or ""),
        keys.due(partition),
    ]


def rows_of(hold: Hold) -> list[str]:
    """The keys of the rows of its seats, one for each seat, in their order."""
    return [keys.row(hold.partition, hold.event_id, seat.zone_id, seat.row) for seat in hold.seats]


def _names(wanted: NewHold, rows: Sequence[str]) -> list[str]:
    """The keys that `lua/lib/new_hold.lua` names."""
    partition, event_id = wanted.hold.partition, wanted.hold.event_id
    return [
        keys.event(partition, event_id),
        keys.sold(partition, event_id),
        keys.customers(partition, event_id),
        *names_of(wanted.hold),
        *rows,
        *([keys.idempotency(partition, wanted.key.digest)] if wanted.key else []),
    ]
