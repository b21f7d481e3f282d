"""How far the payments of holds have come: each step is a script that moves a hold, and its seats with it."""

import secrets
from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

import msgspec
from contracts.codec import encode
from contracts.position import Position
from msgspec import Struct
from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from purchase.holds.hold import Hold
from purchase.holds.ledger import names_of, rows_of
from purchase.holds.messages import seats_held
from purchase.payments.messages import late_money_refunded, payment_captured
from purchase.providers import Payment
from purchase.seats.messages import ticket_cancelled, ticket_purchased
from purchase.seats.ticket import Ticket, encode_ticket
from purchase.store import keys
from purchase.store.clock import Clock
from purchase.store.idempotency import REMEMBERED_SECONDS, IdempotencyKey, KeyMemory
from purchase.store.ids import mint_id, partition_bits
from purchase.store.moments import now_us
from purchase.store.partitions import Partitions
from purchase.store.scripts import load

LOOK_SECONDS = (15, 60)
"""First and longest pause between two looks at a payment that nobody hears of; it grows with the payment's age."""

TOLD_SECONDS = 7 * 24 * 60 * 60
"""How long it is remembered that a refund was told; afterwards it may be told twice."""


class Begun(Struct, frozen=True):
    """A payment as its customer was told of it when it was begun."""

    payment_id: str
    provider: str
    client_secret: str | None
    status: str


class Noted(Struct, frozen=True):
    """What the customer is told: now, or (replayed) as when the idempotency key first came."""

    begun: Begun
    position: Position
    is_replayed: bool


class _Decided(Struct, frozen=True):
    """What a script decided, the partition's last position, and what came with the word."""

    word: str
    last: Position
    told: Any


class PaymentLedger:
    """The payments of the holds of all partitions. Every call raises Recovering, Overloaded, OutcomeUnknown.

    A call that answers MOVED found the hold no longer as it was judged: look again.
    """

    def __init__(
        self, redis: Redis, partitions: Partitions, clock: Clock, *, hold_seconds: int, payment_seconds: int
    ) -> None:
        self._partitions = partitions
        self._clock = clock
        self._hold_ms = hold_seconds * 1_000
        self._payment_ms = payment_seconds * 1_000
        self._keys = KeyMemory(redis, partitions)
        self._confirm = load(redis, "confirm")
        self._begin = load(redis, "begin_payment")
        self._record = load(redis, "record_payment")
        self._decline = load(redis, "decline")
        self._sell = load(redis, "sell_hold")
        self._record_captured = load(redis, "record_captured")
        self._refuse_capture = load(redis, "refuse_capture")
        self._begin_ending = load(redis, "begin_ending")
        self._record_late_refund = load(redis, "record_late_refund")

    async def recall(self, hold_id: UUID, key: IdempotencyKey) -> Noted | Literal["KEY_REUSED"] | None:
        """What was told with this key, None when nothing."""
        remembered = await self._keys.recall(partition_bits(hold_id), key)
        if remembered is None or remembered == "KEY_REUSED":
            return remembered
        told, last = remembered
        return Noted(_decode_begun(told), last, is_replayed=True)

    async def begin(
        self, hold: Hold, method: str | None, key: IdempotencyKey | None = None, traceparent: str | None = None
    ) -> Hold | Noted | Literal["KEY_REUSED", "EXPIRED", "MOVED"]:
        """The hold with its next attempt to pay begun, or what was told with this key before.

        No payment of it may be open before.
        """
        now = await self._clock.now_ms()
        cap = hold.cap_ms or now + self._payment_ms
        begun = msgspec.structs.replace(
            hold,
            state="PAYING",
            version=hold.version + 1,
            attempt=hold.attempt + 1,
            method=method,
            key_mark=key.mark if key else None,
            payment_id=None,
            code=None,
            cap_ms=cap,
            deadline_ms=cap,
        )
        decided = await self._run(
            self._begin,
            hold,
            [*names_of(hold), *rows_of(hold), *_key_names(hold, key)],
            hold.version,
            secrets.token_bytes(8),
            method or "",
            cap,
            self._next_look(begun, now),
            encode(seats_held(begun, traceparent)),
            begun.key_mark or b"",
        )
        match decided.word:
            case "BEGUN":
                return begun
            case "REPLAYED":
                return Noted(_decode_begun(decided.told), decided.last, is_replayed=True)
            case "KEY_REUSED" | "EXPIRED" as word:
                return word
        return "MOVED"

    async def ask_again(self, hold: Hold) -> Hold | None:
        """Note that the provider is asked again for a payment that is not known; the hold, if it still needs it."""
        decided = await self._record_payment(hold, "")
        return msgspec.structs.replace(hold, version=int(decided.told)) if decided.word == "NOTED" else None

    async def note(
        self, hold: Hold, begun: Begun, key: IdempotencyKey | None
    ) -> Noted | Literal["KEY_REUSED", "MOVED"]:
        """Note the payment of this attempt, and what is answered to this key."""
        decided = await self._record_payment(hold, begun.payment_id, key, _encode_begun(begun))
        match decided.word:
            case "NOTED":
                return Noted(begun, decided.last, is_replayed=False)
            case "REPLAYED":
                return Noted(_decode_begun(decided.told), decided.last, is_replayed=True)
            case "KEY_REUSED":
                return "KEY_REUSED"
        return "MOVED"

    async def look_later(self, hold: Hold) -> None:
        """The payment is not decided yet: leave it for a while."""
        assert hold.payment_id is not None
        await self._record_payment(hold, hold.payment_id)

    async def decline(self, hold: Hold, code: str | None) -> bool:
        """Hold the seats again for whoever pays otherwise; whether the hold was as it was judged."""
        assert hold.cap_ms is not None
        deadline = min(await self._clock.now_ms() + self._hold_ms, hold.cap_ms)
        held = msgspec.structs.replace(hold, version=hold.version + 1, deadline_ms=deadline)
        decided = await self._run(
            self._decline,
            hold,
            [*names_of(hold), *rows_of(hold)],
            hold.version,
            hold.attempt,
            code or "",
            deadline,
            encode(seats_held(held)),
        )
        return decided.word == "DECLINED"

    async def sell(self, hold: Hold, traceparent: str | None = None) -> Literal["SOLD", "WAS_SOLD", "GONE", "MOVED"]:
        """Sell the seats to whoever has authorised the payment, or who has nothing to pay and holds them still.

        WAS_SOLD: another has sold them before, or this call has, whose answer was lost.
        """
        tickets = [_ticket(hold, place) for place in range(len(hold.seats))]
        orders = [
            argument
            for ticket in tickets
            for argument in (
                ticket.ticket_id.bytes,
                encode_ticket(ticket),
                encode(ticket_purchased(ticket, traceparent, hold=hold.reference)),
            )
        ]
        partition = hold.partition
        decided = await self._run(
            self._sell,
            hold,
            [
                *names_of(hold),
                keys.sold(partition, hold.event_id),
                keys.customers(partition, hold.event_id),
                *rows_of(hold),
                *(keys.tickets(partition, ticket.ticket_id.bytes) for ticket in tickets),
            ],
            hold.attempt,
            hold.customer_id or "",
            "" if hold.is_free else await self._soon(),
            *orders,
        )
        match decided.word:
            case "SOLD" | "WAS_SOLD" | "GONE" as word:
                return word
        return "MOVED"

    async def record_captured(self, hold: Hold, provider: str) -> bool:
        """The money was taken; whether the tickets were still waiting for it."""
        decided = await self._run(self._record_captured, hold, _short(hold), encode(payment_captured(hold, provider)))
        return decided.word == "CAPTURED"

    async def refuse_capture(self, hold: Hold, tickets: Sequence[Ticket], code: str) -> bool:
        """The money will not come: undo the sale; whether it was still waiting for the money."""
        partition = hold.partition
        decided = await self._run(
            self._refuse_capture,
            hold,
            [
                *_short(hold),
                keys.sold(partition, hold.event_id),
                keys.customers(partition, hold.event_id),
                *rows_of(hold),
                *(keys.tickets(partition, ticket.ticket_id.bytes) for ticket in tickets),
            ],
            code,
            hold.customer_id or "",
            *(encode(ticket_cancelled(ticket)) for ticket in tickets),
        )
        return decided.word == "CANCELLED"

    async def begin_ending(self, hold: Hold, why: Literal["RELEASED", "EXPIRED"]) -> bool:
        """The hold shall end, once its payment has; whether it was still being paid for."""
        decided = await self._run(self._begin_ending, hold, _short(hold), why, await self._soon())
        return decided.word == "ENDING"

    async def position(self, hold: Hold) -> Position:
        """The last position of the hold's partition."""
        last, _ = await self._partitions.run(self._confirm, hold.partition, [])
        return last

    async def record_late_refund(self, payment: Payment, hold_id: UUID, provider: str) -> None:
        """All of a payment was given back for which there were no seats any more: tell it once."""
        partition = partition_bits(hold_id)
        message = late_money_refunded(payment, hold_id, provider)
        names = [keys.late_refund(partition, payment.id)]
        await self._partitions.run(self._record_late_refund, partition, names, TOLD_SECONDS, encode(message))

    async def _record_payment(
        self, hold: Hold, payment_id: str, key: IdempotencyKey | None = None, answer: bytes = b""
    ) -> _Decided:
        names = [*_short(hold), *_key_names(hold, key)]
        remembering = (key.fingerprint, REMEMBERED_SECONDS, answer) if key else ()
        look = self._next_look(hold, await self._clock.now_ms())
        return await self._run(self._record, hold, names, hold.attempt, payment_id, look, *remembering)

    async def _run(
        self, script: AsyncScript, hold: Hold, names: Sequence[str], *arguments: str | bytes | int
    ) -> _Decided:
        last, (word, *told) = await self._partitions.run(script, hold.partition, names, hold.hold_id.bytes, *arguments)
        return _Decided((word or b"").decode(), last, told[0] if told else None)

    def _next_look(self, hold: Hold, now: int) -> int:
        """When a payment that is under way is looked at if nobody comes before."""
        assert hold.cap_ms is not None
        first, longest = (seconds * 1_000 for seconds in LOOK_SECONDS)
        age = self._payment_ms - (hold.cap_ms - now)
        return max(min(now + min(max(age, first), longest), hold.cap_ms), now)

    async def _soon(self) -> int:
        """When the task looks at what the caller is about to finish itself."""
        return await self._clock.now_ms() + LOOK_SECONDS[0] * 1_000


def _short(hold: Hold) -> list[str]:
    """The keys of a call that is about the hold alone: itself, and what is due."""
    return [keys.hold(hold.partition, hold.hold_id.bytes), keys.due(hold.partition)]


def _key_names(hold: Hold, key: IdempotencyKey | None) -> list[str]:
    return [keys.idempotency(hold.partition, key.digest)] if key else []


def _ticket(hold: Hold, place: int) -> Ticket:
    """A new ticket for one of its seats."""
    held = hold.seats[place]
    return Ticket(
        ticket_id=mint_id(hold.partition),
        venue_id=hold.venue_id,
        event_id=hold.event_id,
        seat=held.seat,
        price_cents=held.price_cents,
        currency=hold.currency,
        created_us=now_us(),
        customer_id=hold.customer_id,
        payment_id=hold.payment_id,
    )


_encode_begun = msgspec.json.Encoder().encode
_decode_begun = msgspec.json.Decoder(Begun).decode
