"""A ticket and the bytes that Redis stores of it."""

from uuid import UUID

import msgspec
from msgspec import Struct

from purchase.seats.seat import Seat
from purchase.store.ids import partition_bits
from purchase.store.moments import timestamp_of


class Ticket(Struct, frozen=True):
    """A seat that was sold: price in minor units, time of the sale in microseconds since 1970.

    A direct sale has no payment.
    """

    ticket_id: UUID
    venue_id: str
    event_id: str
    seat: Seat
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
        """Whether money was paid for it that can be refunded."""
        return self.payment_id is not None and self.price_cents > 0

    @property
    def created_on(self) -> str:
        """RFC 3339, UTC, six decimals."""
        return timestamp_of(self.created_us)


def encode_ticket(ticket: Ticket) -> bytes:
    """Encode a ticket as the array that Redis stores under its id; it costs few bytes."""
    seat = ticket.seat
    return _encoder.encode(
        (
            ticket.venue_id,
            ticket.event_id,
            seat.zone_id,
            seat.row,
            seat.column,
            ticket.price_cents,
            ticket.currency,
            ticket.created_us,
            ticket.customer_id,
            ticket.payment_id,
        )
    )


def decode_ticket(ticket_id: UUID, stored: bytes) -> Ticket:
    """Decode the bytes of `encode_ticket`."""
    venue_id, event_id, zone_id, row, column, *sale = _decoder.decode(stored)
    return Ticket(ticket_id, venue_id, event_id, Seat(zone_id, row, column), *sale)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder()
