"""What the others are told of a hold; never its id, which is its bearer's secret, nor its customer."""

from contracts.hold import FreedSeat, Held, HeldSeat, HoldEnd, HoldExpired, HoldReleased, SeatsHeld

from purchase.holds import Hold
from purchase.tickets import now_us, timestamp_of

SOURCE = "/purchase"


def seats_held(hold: Hold, traceparent: str | None = None) -> SeatsHeld:
    """Told of the hold as it is in this version of it."""
    seats = [
        HeldSeat(zone_id=seat.zone_id, row=seat.row_label, column=seat.column_label, price_cents=seat.price_cents)
        for seat in hold.seats
    ]
    return SeatsHeld(
        id=f"{hold.reference}:{hold.version}",
        source=SOURCE,
        subject=hold.reference,
        time=timestamp_of(now_us()),
        partition=hold.partition,
        traceparent=traceparent,
        data=Held(hold=hold.reference, event_id=hold.event_id, seats=seats, expires_at=hold.expires_at),
    )


def hold_released(hold: Hold, traceparent: str | None = None) -> HoldReleased:
    """Told when the hold, which is in this version until then, is given up."""
    return HoldReleased(
        id=f"{hold.reference}:{hold.version + 1}",
        source=SOURCE,
        subject=hold.reference,
        time=timestamp_of(now_us()),
        partition=hold.partition,
        traceparent=traceparent,
        data=_end(hold),
    )


def hold_expired(hold: Hold, traceparent: str | None = None) -> HoldExpired:
    """Told when the hold, which is in this version until then, has run out."""
    return HoldExpired(
        id=f"{hold.reference}:{hold.version + 1}",
        source=SOURCE,
        subject=hold.reference,
        time=timestamp_of(now_us()),
        partition=hold.partition,
        traceparent=traceparent,
        data=_end(hold),
    )


def _end(hold: Hold) -> HoldEnd:
    seats = [FreedSeat(zone_id=seat.zone_id, row=seat.row_label, column=seat.column_label) for seat in hold.seats]
    return HoldEnd(hold=hold.reference, event_id=hold.event_id, seats=seats)
