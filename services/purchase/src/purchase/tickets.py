"""A ticket, the id that tells which partition it lives in, and the bytes it is kept as."""

import secrets
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
from contracts.seat import column_label
from contracts.timestamp import encode_timestamp
from msgspec import Struct

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Ticket(Struct, frozen=True):
    """A seat that was sold: rows and columns counted from 1, price in minor units, when in microseconds since 1970.

    A direct sale has no payment. Redis keeps the fields in this order.
    """

    ticket_id: UUID
    venue_id: str
    event_id: str
    zone_id: int
    row: int
    column: int
    price_cents: int
    currency: str
    created_us: int
    customer_id: str | None = None
    payment_id: str | None = None

    @property
    def partition(self) -> int:
        return partition_bits(self.ticket_id)

    @property
    def is_refundable(self) -> bool:
        """Whether money came for it that can be given back."""
        return self.payment_id is not None and self.price_cents > 0

    @property
    def row_label(self) -> str:
        return str(self.row)

    @property
    def column_label(self) -> str:
        return column_label(self.column)

    @property
    def created_on(self) -> str:
        """RFC 3339, UTC, six decimals."""
        return timestamp_of(self.created_us)


def encode_ticket(ticket: Ticket) -> bytes:
    """What Redis keeps of a ticket under its id: an array without it, so that a sold seat costs few bytes."""
    _, *kept = msgspec.structs.astuple(ticket)
    return _encoder.encode(kept)


def decode_ticket(ticket_id: UUID, kept: bytes) -> Ticket:
    """Read what `encode_ticket` wrote."""
    return Ticket(ticket_id, *_decoder.decode(kept))


def mint_id(partition: int) -> UUID:
    """A UUIDv7 whose 12 bits after the version carry the partition, as Snowflake ids carry their shard."""
    milliseconds = time.time_ns() // 1_000_000
    return UUID(int=milliseconds << 80 | 0x7 << 76 | partition << 64 | 0b10 << 62 | secrets.randbits(62))


def partition_in(minted: UUID) -> int | None:
    """The partition that an id of ours carries; None for an id that we did not mint."""
    return partition_bits(minted) if minted.version == 7 else None


def partition_bits(minted: UUID) -> int:
    """The partition that an id of ours carries."""
    return (minted.int >> 64) & 0xFFF


def now_us() -> int:
    """This moment in microseconds since 1970."""
    return time.time_ns() // 1_000


def timestamp_of(us: int) -> str:
    """Microseconds since 1970 as RFC 3339 text; integers all the way, a float would round."""
    return encode_timestamp(_EPOCH + timedelta(microseconds=us))


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder()
