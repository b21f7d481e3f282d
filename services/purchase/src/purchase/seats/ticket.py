"""A ticket, the id that tells which partition it lives in, and the bytes it is kept as."""

from uuid import UUID

import msgspec
from contracts.seat import column_label
from msgspec import Struct

from purchase.store.ids import partition_bits
from purchase.store.moments import timestamp_of


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


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder()
