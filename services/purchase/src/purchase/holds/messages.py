"""The messages about holds.

They name neither a hold's id, which is its customer's secret, nor the customer.
"""

from typing import TypeVar

from contracts.codec import encode
from contracts.hold import FreedSeat, Held, HeldSeat, HoldEnd, HoldExpired, HoldReleased, SeatsHeld
from msgspec.json import encode as encode_part
from msgspec.structs import replace

from purchase import SOURCE
from purchase.holds.hold import Hold, HoldSeat
from purchase.seats.seat import Seat
from purchase.store.moments import now_us, timestamp_of

End = TypeVar("End", HoldReleased, HoldExpired)


def seats_held(hold: Hold, traceparent: str | None = None) -> SeatsHeld:
    """Return the message that these seats are held, for this version of the hold."""
    return SeatsHeld(
        id=f"{hold.reference}:{hold.version}",
        source=SOURCE,
        subject=hold.reference,
        time=timestamp_of(now_us()),
        partition=hold.partition,
        traceparent=traceparent,
        data=Held(
            hold=hold.reference,
            event_id=hold.event_id,
            seats=[_held(seat) for seat in hold.seats],
            expires_at=hold.expires_at,
        ),
    )


def best_seats_held(
    hold: Hold, zone_id: int, price_cents: int, traceparent: str | None = None
) -> tuple[bytes, bytes, bytes]:
    """Return `seats_held` for seats that a script will choose.

    Its parts are the text before the seats, one seat, and the text after them.

    The seat has `%d` in place of its row's number and `%s` in place of its column's label.
    """
    seat = HoldSeat(Seat(zone_id, 1, 1), price_cents)
    whole = encode(seats_held(replace(hold, seats=(seat,)), traceparent))
    before, _, after = whole.partition(encode_part(_held(seat)))
    return before, encode_part(replace(_held(seat), row="%d", column="%s")), after


def hold_released(hold: Hold, traceparent: str | None = None) -> HoldReleased:
    """Return the message that this version of the hold was released."""
    return _ended(HoldReleased, hold, traceparent)


def hold_expired(hold: Hold, traceparent: str | None = None) -> HoldExpired:
    """Return the message that this version of the hold has expired."""
    return _ended(HoldExpired, hold, traceparent)


def _ended(end: type[End], hold: Hold, traceparent: str | None) -> End:
    return end(
        id=f"{hold.reference}:{hold.version + 1}",
        source=SOURCE,
        subject=hold.reference,
        time=timestamp_of(now_us()),
        partition=hold.partition,
        traceparent=traceparent,
        data=_end(hold),
    )


def _held(held: HoldSeat) -> HeldSeat:
    seat = held.seat
    return HeldSeat(zone_id=seat.zone_id, row=seat.row_label, column=seat.column_label, price_cents=held.price_cents)


def _end(hold: Hold) -> HoldEnd:
    return HoldEnd(hold=hold.reference, event_id=hold.event_id, seats=[_freed(held.seat) for held in hold.seats])


def _freed(seat: Seat) -> FreedSeat:
    return FreedSeat(zone_id=seat.zone_id, row=seat.row_label, column=seat.column_label)
