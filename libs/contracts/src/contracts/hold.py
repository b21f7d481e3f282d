"""What becomes of a hold until it is sold: seats are kept for a while, then let go or run out."""

from typing import Annotated

from msgspec import Meta, Struct

from contracts.catalogue import Cents, Identifier, ZoneId
from contracts.message import Message
from contracts.seat import ColumnLabel, RowLabel
from contracts.text import whole
from contracts.timestamp import Timestamp

HoldReference = Annotated[
    str, Meta(pattern=whole("[0-9a-f]{32}"), description="The digest by which others know the hold.")
]
"""`blake2b(hold id's bytes, digest_size=16)`: the id itself is a bearer secret and never travels."""


class HeldSeat(Struct, frozen=True, kw_only=True, rename="camel"):
    """A seat and what it shall cost."""

    zone_id: ZoneId
    row: RowLabel
    column: ColumnLabel
    price_cents: Cents


class FreedSeat(Struct, frozen=True, kw_only=True, rename="camel"):
    """A seat that a hold no longer keeps."""

    zone_id: ZoneId
    row: RowLabel
    column: ColumnLabel


class Held(Struct, frozen=True, kw_only=True, rename="camel"):
    """The seats of a hold, whole, and the moment at which they are free unless another is told."""

    hold: HoldReference
    event_id: Identifier
    seats: Annotated[list[HeldSeat], Meta(min_length=1, max_length=10)]
    expires_at: Annotated[Timestamp, Meta(description="When the seats are free again, if nothing else is told.")]


class HoldEnd(Struct, frozen=True, kw_only=True, rename="camel"):
    """The seats again, so that whoever missed the hold still knows them."""

    hold: HoldReference
    event_id: Identifier
    seats: Annotated[list[FreedSeat], Meta(min_length=1, max_length=10)]


class SeatsHeld(Message, frozen=True, kw_only=True, tag="seats.held.v1"):
    """Seats are kept for a customer; told again when the moment moves at which they are free."""

    data: Held


class HoldReleased(Message, frozen=True, kw_only=True, tag="hold.released.v1"):
    """A customer gave the hold up; a payment that was under way is ended, and the seats are free again."""

    data: HoldEnd


class HoldExpired(Message, frozen=True, kw_only=True, tag="hold.expired.v1"):
    """The time to pay ran out, or the seats were lost to the hold; those that were still its own are free again."""

    data: HoldEnd
