"""Hold messages: seats are held for a limited time; then the hold is released or expires."""

from typing import Annotated

from msgspec import Meta, Struct

from contracts.catalogue import Cents, Identifier, ZoneId
from contracts.message import Message
from contracts.seat import ColumnLabel, RowLabel
from contracts.text import whole
from contracts.timestamp import Timestamp

HoldReference = Annotated[
    str,
    Meta(
        pattern=whole("[0-9a-f]{32}"),
        description="Digest of the hold's id, which is secret. It identifies the hold in every message.",
    ),
]
"""`blake2b(hold id's bytes, digest_size=16)`: the id itself is a bearer secret, never sent."""


class HeldSeat(Struct, frozen=True, kw_only=True, rename="camel"):
    """A held seat and its price."""

    zone_id: ZoneId
    row: RowLabel
    column: ColumnLabel
    price_cents: Cents


class FreedSeat(Struct, frozen=True, kw_only=True, rename="camel"):
    """A seat that the hold has freed."""

    zone_id: ZoneId
    row: RowLabel
    column: ColumnLabel


class Held(Struct, frozen=True, kw_only=True, rename="camel"):
    """All seats of a hold, and the time at which it expires."""

    hold: HoldReference
    event_id: Identifier
    seats: Annotated[list[HeldSeat], Meta(min_length=1, max_length=10)]
    expires_at: Annotated[
        Timestamp, Meta(description="The seats are free from this time on, unless a later message says otherwise.")
    ]


class HoldEnd(Struct, frozen=True, kw_only=True, rename="camel"):
    """The freed seats, repeated for receivers that missed the hold."""

    hold: HoldReference
    event_id: Identifier
    seats: Annotated[list[FreedSeat], Meta(min_length=1, max_length=10)]


class SeatsHeld(Message, frozen=True, kw_only=True, tag="seats.held.v1"):
    """Seats are held for a customer. Sent again when the expiry time changes."""

    data: Held


class HoldReleased(Message, frozen=True, kw_only=True, tag="hold.released.v1"):
    """A customer released the hold. A payment in progress is ended; the seats are free again."""

    data: HoldEnd


class HoldExpired(Message, frozen=True, kw_only=True, tag="hold.expired.v1"):
    """The time to pay ran out, or the hold lost its seats. Seats it still had are free again."""

    data: HoldEnd
