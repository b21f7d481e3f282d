"""A model of the hold scripts, on top of the model of the seat scripts."""

from msgspec.structs import astuple, replace
from purchase.holds.hold import SEATS_MAX, Hold, HoldSeat
from purchase.holds.ledger import Best, Ended, Made, NewHold, NotFree, Outcome
from purchase.holds.messages import hold_expired, hold_released, seats_held
from purchase.seats.seat import Seat

from tests.stage.models.best_seats import Zone, best_seats
from tests.stage.models.seats import NEVER_SOLD, SeatModel, now_ms
from tests.stage.partition_state import SeatOfEvent, StoredSeat
from tests.stage.sellers import HOLDS_PER_CUSTOMER


class HoldModel(SeatModel):
    """A model of one partition with holds."""

    def hold(self, wanted: NewHold) -> Outcome:
        """Hold all the seats, or none."""
        hold, key = wanted.hold, wanted.key
        if hold.hold_id in self.holds:
            return Made(replace(hold, seats=self.holds[hold.hold_id].seats), self.last, is_replayed=False)
        if key is not None and key.digest in self.remembered:
            fingerprint, held = self.remembered[key.digest]
            if fingerprint != key.fingerprint:
                return "KEY_REUSED"
            return Made(self.holds[held].as_made(), self.last, is_replayed=True)
        if wanted.version != self.versions[hold.event_id]:
            return "STALE"
        if wanted.limit is not None and self._seats_had(hold) + wanted.quantity > wanted.limit:
            return "LIMIT"
        if hold.customer_id is not None and len(self._live_holds(hold)) >= HOLDS_PER_CUSTOMER:
            return "HOLDS"
        if wanted.quantity > SEATS_MAX or len(set(hold.seats)) < len(hold.seats):
            return "IMPOSSIBLE"
        seats = self._best(hold.event_id, wanted.best) if wanted.best else self._all(hold)
        if isinstance(seats, NotFree):
            return seats
        return self._made(wanted, replace(hold, seats=seats))

    def end(self, hold: Hold, *, is_given_up: bool) -> Ended | str:
        """End a hold whose time is over, or that the customer released before."""
        stored = self.holds[hold.hold_id]
        if stored.state != "HELD":
            return Ended(stored.state, self.last)
        has_run_out = stored.deadline_ms <= now_ms()
        if not has_run_out and not is_given_up:
            return "LIVE"
        self._send(hold_expired(stored) if has_run_out else hold_released(stored), None)
        ended = replace(stored, state="EXPIRED" if has_run_out else "RELEASED", version=stored.version + 1)
        self.holds[hold.hold_id] = ended
        for place in places_of(ended):
            if self.seats.get(place, NEVER_SOLD).owner == ended.hold_id:
                self._free(place)
        return Ended(ended.state, self.last)

    def pass_time(self, ms: int) -> None:
        """Move the deadlines of all holds nearer."""
        self.holds = {name: replace(hold, deadline_ms=hold.deadline_ms - ms) for name, hold in self.holds.items()}
        for place, seat in self.seats.items():
            if seat.until_ms:
                self.seats[place] = StoredSeat(seat.generation, seat.owner, seat.until_ms - ms)

    def _made(self, wanted: NewHold, hold: Hold) -> Made:
        self._send(seats_held(hold), None)
        for place in places_of(hold):
            generation = self.seats.get(place, NEVER_SOLD).generation
            self.seats[place] = StoredSeat(generation, hold.hold_id, hold.deadline_ms)
        self.holds[hold.hold_id] = replace(hold, epoch=self.epoch)
        if wanted.key is not None:
            self.remembered[wanted.key.digest] = (wanted.key.fingerprint, hold.hold_id)
        return Made(hold, self.last, is_replayed=False)

    def _free(self, place: SeatOfEvent) -> None:
        generation = self.seats[place].generation
        if generation:
            self.seats[place] = StoredSeat(generation, owner=None)
        else:
            del self.seats[place]

    def _best(self, event_id: str, best: Best) -> tuple[HoldSeat, ...] | NotFree:
        zone = best.zone
        if self._is_full(event_id, str(zone.zone_id)):
            return NotFree("zone", available=0)
        every = [(row, column) for row in range(1, zone.row_count + 1) for column in range(1, zone.col_count + 1)]
        free = frozenset(seat for seat in every if self._is_free((event_id, zone.zone_id, *seat)))
        chosen = best_seats(Zone(zone.row_count, zone.col_count, free), best.quantity)
        if chosen is None:
            return NotFree(None, available=len(free))
        return tuple(HoldSeat(Seat(zone.zone_id, *place), zone.price_cents) for place in chosen)

    def _all(self, hold: Hold) -> tuple[HoldSeat, ...] | NotFree:
        taken = tuple(held for held in hold.seats if not self._is_free((hold.event_id, *astuple(held.seat))))
        if not taken:
            return hold.seats
        if self._is_full(hold.event_id, "all"):
            return NotFree("event", taken)
        are_full = all(self._is_full(hold.event_id, str(held.seat.zone_id)) for held in taken)
        return NotFree("zone" if are_full else None, taken)


def places_of(hold: Hold) -> list[SeatOfEvent]:
    return [(hold.event_id, *astuple(held.seat)) for held in hold.seats]
