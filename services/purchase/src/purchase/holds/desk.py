"""The commands on holds before anybody pays: hold seats, read a hold, end it at its deadline."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from purchase import metrics
from purchase.catalogue.judgement import check_customer, check_range, check_sale, decide, offered, zone_of
from purchase.catalogue.offers import Offer, Offers
from purchase.holds.hold import SEATS_MAX, Hold, HoldSeat, State
from purchase.holds.ledger import Best, Ended, HoldLedger, Made, NewHold, NotFree, Outcome
from purchase.refusals import (
    CustomerLimit,
    DuplicateSeat,
    EventFull,
    InvalidSeatLabel,
    Refusal,
    SeatTaken,
    TooManySeats,
    ZoneFull,
)
from purchase.seats.labels import parse_seat
from purchase.seats.seat import Seat
from purchase.store.clock import Clock
from purchase.store.idempotency import KEY_REUSED, IdempotencyKey
from purchase.store.ids import mint_id
from purchase.store.moments import now_us


class NamedSeat(Struct, frozen=True, kw_only=True):
    """A seat by its zone and its labels."""

    zone_id: int
    row: str
    column: str


class HoldSeats(Struct, frozen=True, kw_only=True):
    """A command to hold these seats, all or none."""

    event_id: str
    seats: Sequence[NamedSeat]
    customer_id: str | None = None


class HoldBest(Struct, frozen=True, kw_only=True):
    """A command to hold the best free seats of a zone, as many as `quantity`."""

    event_id: str
    zone_id: int
    quantity: int
    customer_id: str | None = None


class HoldDesk:
    """The desk that holds seats for `hold_seconds`.

    It checks the catalogue, and the ledger decides.
    """

    def __init__(self, offers: Offers, ledger: HoldLedger, clock: Clock, *, hold_seconds: int) -> None:
        self._offers = offers
        self._ledger = ledger
        self._clock = clock
        self._hold_ms = hold_seconds * 1_000

    async def hold(
        self, wanted: HoldSeats | HoldBest, key: IdempotencyKey | None, traceparent: str | None = None
    ) -> Made | Refusal:
        """Hold seats.

        A refusal is returned, not raised; the message continues the trace `traceparent` (W3C).

        Raises Recovering, Overloaded, OutcomeUnknown.
        """
        try:
            seats = _seats(wanted)
        except InvalidSeatLabel as refusal:
            return await self._unless_remembered(wanted, key, refusal)
        ends_ms = await self._clock.now_ms() + self._hold_ms
        decided = await decide(
            self._offers,
            wanted.event_id,
            lambda offer: self._judge(wanted, seats, offered(offer, wanted.event_id), ends_ms, key, traceparent),
            self._ledger.hold,
        )
        if isinstance(decided, Refusal):
            return await self._unless_remembered(wanted, key, decided)
        return self._answer(*decided)

    async def find(self, hold_id: UUID) -> tuple[Hold, State]:
        """Return a hold, and its state at this moment. Raises HoldNotFound, Recovering."""
        hold = await self._ledger.get(hold_id)
        return hold, hold.state_at(await self._clock.now_ms())

    async def finish_unpaid(self, hold_id: UUID) -> Hold | None:
        """End a hold that is past its deadline; return it instead where its payment decides.

        Raises Recovering, Overloaded, OutcomeUnknown.
        """
        hold = await self._ledger.find(hold_id)
        if hold is None:
            await self._ledger.remove_due(hold_id)
        elif hold.state != "HELD":
            return hold
        elif isinstance(await self._ledger.end(hold, is_given_up=False), Ended):
            metrics.holds_expired.inc()
        return None

    async def _unless_remembered(
        self, wanted: HoldSeats | HoldBest, key: IdempotencyKey | None, refusal: Refusal
    ) -> Made | Refusal:
        """Return the refusal, unless the key is remembered.

        The first answer for a key precedes every rule.
        """
        if key is None:
            return refusal
        remembered = await self._ledger.recall(self._offers.partition_of(wanted.event_id), key)
        if isinstance(remembered, Made):
            return remembered
        return refusal if remembered is None else KEY_REUSED

    def _judge(
        self,
        wanted: HoldSeats | HoldBest,
        seats: Sequence[Seat],
        offer: Offer,
        ends_ms: int,
        key: IdempotencyKey | None,
        traceparent: str | None,
    ) -> NewHold:
        """Return the hold of seats that the offer has, at their prices.

        The checks run in order of precedence.
        """
        event = offer.event
        best = Best(zone_of(offer, wanted.zone_id), wanted.quantity) if isinstance(wanted, HoldBest) else None
        zones = [zone_of(offer, seat.zone_id) for seat in seats]
        for zone, seat in zip(zones, seats, strict=True):
            check_range(zone, seat)
        check_sale(event)
        check_customer(event, wanted.customer_id)
        hold = Hold(
            hold_id=mint_id(self._offers.partition_of(event.event_id)),
            event_id=event.event_id,
            venue_id=event.venue_id,
            customer_id=wanted.customer_id,
            currency=event.currency,
            created_us=now_us(),
            expires_ms=ends_ms,
            deadline_ms=ends_ms,
            seats=tuple(HoldSeat(seat, zone.price_cents) for seat, zone in zip(seats, zones, strict=True)),
        )
        limit = event.max_seats_per_customer
        return NewHold(hold=hold, best=best, version=offer.version, limit=limit, key=key, traceparent=traceparent)

    def _answer(self, wanted: NewHold, outcome: Outcome) -> Made | Refusal:
        if isinstance(outcome, Made):
            if not outcome.is_replayed:
                metrics.holds_made.inc()
            return outcome
        if isinstance(outcome, NotFree):
            metrics.seat_conflicts.inc()
            return _not_free(wanted, outcome)
        if outcome == "KEY_REUSED":
            return KEY_REUSED
        if outcome == "LIMIT":
            limit = wanted.limit
            return CustomerLimit(f"A customer may have at most {limit} seats of this event.", maxSeatsPerCustomer=limit)
        if outcome == "HOLDS":
            most = self._ledger.holds_per_customer
            return CustomerLimit(f"A customer may have at most {most} holds at a time.", maxHoldsPerCustomer=most)
        if wanted.quantity > SEATS_MAX:
            return TooManySeats(f"A hold has at most {SEATS_MAX} seats.", maxSeats=SEATS_MAX)
        return DuplicateSeat("A hold can name each seat once.", seats=_facts(_repeated(wanted.hold.seats)))


def _seats(wanted: HoldSeats | HoldBest) -> list[Seat]:
    """Return the seats that are named. Raises InvalidSeatLabel."""
    if isinstance(wanted, HoldBest):
        return []
    return [parse_seat(seat.zone_id, seat.row, seat.column) for seat in wanted.seats]


def _not_free(wanted: NewHold, outcome: NotFree) -> Refusal:
    """Return the refusal: named seats that are not free, or how many seats of the zone are."""
    facts: dict[str, Any] = {"seats": _facts(outcome.seats)}
    zone_ids = sorted({held.seat.zone_id for held in outcome.seats})
    if wanted.best:
        zone_ids = [wanted.best.zone.zone_id]
        facts = {"zoneId": zone_ids[0], "available": outcome.available}
    if outcome.full == "event":
        return EventFull(f"Every seat of event {wanted.hold.event_id} is sold.", **facts)
    if outcome.full == "zone":
        return ZoneFull(f"Every seat of zone {', '.join(map(str, zone_ids))} is sold.", **facts)
    if wanted.best:
        return SeatTaken(f"Zone {zone_ids[0]} has {outcome.available} free seats.", **facts)
    return SeatTaken("Seats are sold or held by another customer.", **facts)


def _repeated(seats: Sequence[HoldSeat]) -> list[HoldSeat]:
    return [seat for seat, times in Counter(seats).items() if times > 1]


def _facts(seats: Iterable[HoldSeat]) -> list[dict[str, Any]]:
    return [held.seat.facts for held in seats]
