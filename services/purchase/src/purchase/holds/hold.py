"""A hold: seats kept for a customer, their prices, a deadline, and the progress of their payment.

            payment begun            authorised: seats sold             captured
 HELD ─────────────────────▶ PAYING ───────────────────────▶ CONFIRMED ─────────▶ CONFIRMED
  │ ▲     declined             │                                 │               and captured
  │ └──────────────────────────┤                                 │ capture refused for good:
  │                            │ given up, or                    │ tickets cancelled, seats free
  │ given up, or               ▼ past its deadline               ▼
  │ past its deadline        ENDING                          CANCELLED
  │                            │ payment voided,
  ▼                            ▼ or its late money refunded
 RELEASED or EXPIRED ◀─────────┘

Seats that cost nothing go from HELD to CONFIRMED and captured at once, without a payment.
`payments/progress.py` says which step leads from each state of a payment to the next.
"""

import struct
from hashlib import blake2b
from typing import Any, Literal, cast
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import astuple, replace

from purchase.seats.seat import Seat
from purchase.store.ids import partition_bits
from purchase.store.moments import timestamp_of

SEATS_MAX = 10
"""Seats of one hold."""

State = Literal["HELD", "PAYING", "ENDING", "CONFIRMED", "CANCELLED", "RELEASED", "EXPIRED"]

_SEAT = struct.Struct(">IHHI")
_UNCHANGING = ("event_id", "venue_id", "customer_id", "currency", "created_us", "expires_ms")


class HoldSeat(Struct, frozen=True):
    """A seat and its price when it was held, in minor units."""

    seat: Seat
    price_cents: int


class Hold(Struct, frozen=True, kw_only=True):
    """A hold. Its moments are in ms since 1970, by Redis's clock.

    `expires_ms` is the deadline that was promised first, `deadline_ms` the deadline now. While
    HELD, the seats are free from the deadline on. While PAYING, the deadline is the latest end of
    the payment; the first attempt fixes it (`cap_ms`).

    `version` counts the transitions. `epoch` is the one under which the hold was made. `why` is the
    state that follows ENDING. `key_mark` is the mark of the idempotency key with which the last
    attempt to pay was begun.
    """

    hold_id: UUID
    event_id: str
    venue_id: str
    customer_id: str | None
    currency: str
    created_us: int
    expires_ms: int
    deadline_ms: int
    seats: tuple[HoldSeat, ...]
    state: State = "HELD"
    version: int = 1
    epoch: int = 0
    attempt: int = 0
    method: str | None = None
    key_mark: bytes | None = None
    payment_id: str | None = None
    cap_ms: int | None = None
    why: Literal["RELEASED", "EXPIRED"] | None = None
    code: str | None = None
    ticket_ids: tuple[UUID, ...] = ()
    is_captured: bool = False

    @property
    def partition(self) -> int:
        return partition_bits(self.hold_id)

    @property
    def reference(self) -> str:
        return reference_of(self.hold_id)

    @property
    def amount_cents(self) -> int:
        return sum(seat.price_cents for seat in self.seats)

    @property
    def is_free(self) -> bool:
        """Whether there is nothing to pay, so that no provider is called."""
        return self.amount_cents == 0

    @property
    def expires_at(self) -> str:
        """RFC 3339, UTC, six decimals."""
        return timestamp_of(self.deadline_ms * 1_000)

    def state_at(self, now_ms: int) -> State:
        """Return the state as its customer sees it.

        It is EXPIRED from the deadline on, also before a process ends the hold.
        """
        if self.state == "HELD" and self.deadline_ms <= now_ms:
            return "EXPIRED"
        return self.why or self.state if self.state == "ENDING" else self.state

    def as_made(self) -> "Hold":
        """Return the hold as its customer got it first."""
        return replace(self, state="HELD", version=1, deadline_ms=self.expires_ms)


def reference_of(hold_id: UUID) -> str:
    """Return the name of a hold for others; its id is a secret of its customer."""
    return blake2b(hold_id.bytes, digest_size=16).hexdigest()


def encode_hold(hold: Hold) -> bytes:
    """Encode the fields of a hold that never change, without its seats."""
    return _encoder.encode([getattr(hold, name) for name in _UNCHANGING])


def encode_seats(seats: tuple[HoldSeat, ...]) -> bytes:
    """Encode seats as `lua/lib/hold.lua` reads them."""
    return b"".join(_SEAT.pack(*astuple(held.seat), held.price_cents) for held in seats)


def decode_seats(packed: bytes) -> tuple[HoldSeat, ...]:
    """Decode seats that `encode_seats` or a script has encoded."""
    return tuple(HoldSeat(Seat(*seat), price_cents) for *seat, price_cents in _SEAT.iter_unpack(packed))


def decode_hold(hold_id: UUID, fields: dict[bytes, bytes]) -> Hold:
    """Decode the hash in which the scripts store a hold."""
    unchanging: list[Any] = _decoder.decode(fields[b"hold"])
    tickets = fields.get(b"tickets", b"")
    return Hold(
        hold_id=hold_id,
        **dict(zip(_UNCHANGING, unchanging, strict=True)),
        deadline_ms=int(fields[b"deadline"]),
        seats=decode_seats(fields[b"seats"]),
        state=cast("State", fields[b"state"].decode()),
        version=int(fields[b"version"]),
        epoch=int(fields[b"epoch"]),
        attempt=int(fields[b"attempt"]),
        method=_text(fields, b"method"),
        key_mark=fields.get(b"key") or None,
        payment_id=_text(fields, b"payment"),
        cap_ms=int(fields[b"cap"]) if b"cap" in fields else None,
        why=cast("Any", _text(fields, b"why")),
        code=_text(fields, b"code"),
        ticket_ids=tuple(UUID(bytes=tickets[place : place + 16]) for place in range(0, len(tickets), 16)),
        is_captured=b"captured" in fields,
    )


def _text(fields: dict[bytes, bytes], name: bytes) -> str | None:
    return fields.get(name, b"").decode() or None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder()
