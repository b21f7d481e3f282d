"""The progress of payments in Redis.

Each step is one script that moves a hold together with its seats.
"""

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

POLL_SECONDS = (15, 60)
"""First and longest pause between two polls of a payment; the pause grows with the payment's age.
"""

LATE_REFUND_SECONDS = 7 * 24 * 60 * 60
"""How long a late refund is remembered; afterwards its message may be published twice."""


class BegunPayment(Struct, frozen=True):
    """A payment as its customer got it when it was begun."""

    payment_id: str
    provider: str
    client_secret: str | None
    status: str


class Recorded(Struct, frozen=True):
    """A payment that is recorded for a hold.

    Replayed, it is the answer that its idempotency key got first.
    """

    payment: BegunPayment
    position: Position
    is_replayed: bool


class _Answer(Struct, frozen=True):
    """The answer of a script: a word, the partition's last position, and what follows the word."""

    word: str
    last: Position
    detail: Any


class PaymentLedger:
    """The payments of the holds of all partitions.

    Every call raises Recovering, Overloaded, OutcomeUnknown.

    MOVED means that another call has moved the hold since it was read: read it again.
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
        self._record_payment = load(redis, "record_payment")
        self._decline = load(redis, "decline")
        self._sell = load(redis, "sell_hold")
        self._record_captured = load(redis, "record_captured")
        self._refuse_capture = load(redis, "refuse_capture")
        self._begin_ending = load(redis, "begin_ending")
        self._record_late_refund = load(redis, "record_late_refund")

    async def recall(self, hold_id: UUID, key: IdempotencyKey) -> Recorded | Literal["KEY_REUSED"] | None:
        """Return the answer that this key got before; None when it is new."""
        remembered = await self._keys.recall(partition_bits(hold_id), key)
        if remembered is None or remembered == "KEY_REUSED":
            return remembered
        answer, last = remembered
        return Recorded(_decode_payment(answer), last, is_replayed=True)

    async def begin(
        self, hold: Hold, method: str | None, key: IdempotencyKey | None = None, traceparent: str | None = None
    ) -> Hold | Recorded | Literal["KEY_REUSED", "EXPIRED", "MOVED"]:
        """Begin the next attempt to pay, and return the hold as it then is.

        A key that came before gets its first answer.

        The payment of the attempt before must have ended.
        """
        now_ms = await self._clock.now_ms()
        cap_ms = hold.cap_ms or now_ms + self._payment_ms
        begun = msgspec.structs.replace(
            hold,
            state="PAYING",
            version=hold.version + 1,
            attempt=hold.attempt + 1,
            method=method,
            key_mark=key.mark if key else None,
            payment_id=None,
            code=None,
            cap_ms=cap_ms,
            deadline_ms=cap_ms,
        )
        answer = await self._run(
            self._begin,
            hold,
            [*names_of(hold), *rows_of(hold), *_key_names(hold, key)],
            hold.version,
            secrets.token_bytes(8),
            method or "",
            cap_ms,
            self._next_poll(begun, now_ms),
            encode(seats_held(begun, traceparent)),
            begun.key_mark or b"",
        )
        match answer.word:
            case "BEGUN":
                return begun
            case "REPLAYED":
                return Recorded(_decode_payment(answer.detail), answer.last, is_replayed=True)
            case "KEY_REUSED" | "EXPIRED" as word:
                return word
        return "MOVED"

    async def record_retry(self, hold: Hold) -> Hold | None:
        """Record that the request for an unknown payment is repeated.

        Return the hold if it still needs the payment.
        """
        answer = await self._record(hold, "")
        return msgspec.structs.replace(hold, version=int(answer.detail)) if answer.word == "NOTED" else None

    async def record_payment(
        self, hold: Hold, payment: BegunPayment, key: IdempotencyKey | None
    ) -> Recorded | Literal["KEY_REUSED", "MOVED"]:
        """Record the payment of this attempt, and the answer for this key."""
        answer = await self._record(hold, payment.payment_id, key, _encode_payment(payment))
        match answer.word:
            case "NOTED":
                return Recorded(payment, answer.last, is_replayed=False)
            case "REPLAYED":
                return Recorded(_decode_payment(answer.detail), answer.last, is_replayed=True)
            case "KEY_REUSED":
                return "KEY_REUSED"
        return "MOVED"

    async def poll_later(self, hold: Hold) -> None:
        """Schedule the next poll of a payment that is not decided yet."""
        assert hold.payment_id is not None
        await self._record(hold, hold.payment_id)

    async def decline(self, hold: Hold, code: str | None) -> bool:
        """Hold the seats again for another attempt.

        Return False when the hold has moved since it was read.
        """
        assert hold.cap_ms is not None
        deadline_ms = min(await self._clock.now_ms() + self._hold_ms, hold.cap_ms)
        held = msgspec.structs.replace(hold, version=hold.version + 1, deadline_ms=deadline_ms)
        answer = await self._run(
            self._decline,
            hold,
            [*names_of(hold), *rows_of(hold)],
            hold.version,
            hold.attempt,
            code or "",
            deadline_ms,
            encode(seats_held(held)),
        )
        return answer.word == "DECLINED"

    async def sell(self, hold: Hold, traceparent: str | None = None) -> Literal["SOLD", "WAS_SOLD", "GONE", "MOVED"]:
        """Sell the seats of a hold whose payment is authorised, or which costs nothing.

        GONE: the seats are no longer the hold's. WAS_SOLD: another call has sold them before, or
        this call has and its first answer was lost.
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
        answer = await self._run(
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
        match answer.word:
            case "SOLD" | "WAS_SOLD" | "GONE" as word:
                return word
        return "MOVED"

    async def record_captured(self, hold: Hold, provider: str) -> bool:
        """Record that the money was taken; return whether the hold is sold."""
        message = encode(payment_captured(hold, provider))
        answer = await self._run(self._record_captured, hold, _short_names(hold), message)
        return answer.word == "CAPTURED"

    async def refuse_capture(self, hold: Hold, tickets: Sequence[Ticket], code: str) -> bool:
        """Cancel the tickets of a sale whose money will not come.

        Return False when the hold has moved.
        """
        partition = hold.partition
        answer = await self._run(
            self._refuse_capture,
            hold,
            [
                *_short_names(hold),
                keys.sold(partition, hold.event_id),
                keys.customers(partition, hold.event_id),
                *rows_of(hold),
                *(keys.tickets(partition, ticket.ticket_id.bytes) for ticket in tickets),
            ],
            code,
            hold.customer_id or "",
            *(encode(ticket_cancelled(ticket)) for ticket in tickets),
        )
        return answer.word == "CANCELLED"

    async def begin_ending(self, hold: Hold, why: Literal["RELEASED", "EXPIRED"]) -> bool:
        """Record that the hold ends as soon as its payment has ended.

        Return False when the hold has moved.
        """
        answer = await self._run(self._begin_ending, hold, _short_names(hold), why, await self._soon())
        return answer.word == "ENDING"

    async def position(self, hold: Hold) -> Position:
        """Return the last position of the hold's partition."""
        last, _ = await self._partitions.run(self._confirm, hold.partition, [])
        return last

    async def record_late_refund(self, payment: Payment, hold_id: UUID, provider: str) -> None:
        """Publish once that a payment was refunded because its seats were no longer available."""
        partition = partition_bits(hold_id)
        message = late_money_refunded(payment, hold_id, provider)
        names = [keys.late_refund(partition, payment.id)]
        await self._partitions.run(self._record_late_refund, partition, names, LATE_REFUND_SECONDS, encode(message))

    async def _record(
        self, hold: Hold, payment_id: str, key: IdempotencyKey | None = None, remembered: bytes = b""
    ) -> _Answer:
        names = [*_short_names(hold), *_key_names(hold, key)]
        remembering = (key.fingerprint, REMEMBERED_SECONDS, remembered) if key else ()
        poll_ms = self._next_poll(hold, await self._clock.now_ms())
        return await self._run(self._record_payment, hold, names, hold.attempt, payment_id, poll_ms, *remembering)

    async def _run(
        self, script: AsyncScript, hold: Hold, names: Sequence[str], *arguments: str | bytes | int
    ) -> _Answer:
        last, answer = await self._partitions.run(script, hold.partition, names, hold.hold_id.bytes, *arguments)
        word, *detail = answer
        return _Answer((word or b"").decode(), last, detail[0] if detail else None)

    def _next_poll(self, hold: Hold, now_ms: int) -> int:
        """Return when a payment is polled next; its notification may come earlier."""
        assert hold.cap_ms is not None
        first, longest = (seconds * 1_000 for seconds in POLL_SECONDS)
        age = self._payment_ms - (hold.cap_ms - now_ms)
        return max(min(now_ms + min(max(age, first), longest), hold.cap_ms), now_ms)

    async def _soon(self) -> int:
        """Return when the settlement takes over a hold that its caller is about to finish."""
        return await self._clock.now_ms() + POLL_SECONDS[0] * 1_000


def _short_names(hold: Hold) -> list[str]:
    """Return the keys of a call that changes only the hold and when it is due."""
    return [keys.hold(hold.partition, hold.hold_id.bytes), keys.due(hold.partition)]


def _key_names(hold: Hold, key: IdempotencyKey | None) -> list[str]:
    return [keys.idempotency(hold.partition, key.digest)] if key else []


def _ticket(hold: Hold, place: int) -> Ticket:
    """Return a new ticket for one seat of the hold."""
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


_encode_payment = msgspec.json.Encoder().encode
_decode_payment = msgspec.json.Decoder(BegunPayment).decode
