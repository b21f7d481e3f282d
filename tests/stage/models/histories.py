"""What may happen to an event, drawn at random, how its messages may arrive, and what both models must end with."""

from collections.abc import Callable, Sequence
from typing import Literal
from uuid import uuid4

from contracts.codec import AnyMessage
from contracts.hold import HoldExpired, HoldReleased, SeatsHeld
from contracts.ticket import TicketPurchased
from hypothesis import strategies as st
from msgspec import Struct

from tests.stage.messages import (
    cancelled,
    event_scheduled,
    hold_expired,
    hold_released,
    purchased,
    seats_held,
    venue_defined,
    zone,
)

Seat = tuple[int, int]


class Visit(Struct, frozen=True):
    """One customer's: how often a hold of the seat was told (0: none), what was paid if anything, and how it ended.

    LATE: it expired, but that is told only after all that became of the seat since.
    """

    times_held: int
    price: int | None
    end: Literal["RELEASED", "EXPIRED", "LATE"]


class SeatHistory(Struct, frozen=True):
    """Who came for a seat, one after another; each was done with it before the next came, the last perhaps."""

    seat: Seat
    visits: list[Visit]
    is_free_at_last: bool


class History(Struct, frozen=True):
    """Zones and price of each version of the event, names of its venue, and what became of its seats."""

    versions: list[dict[int, int]]
    venue_names: list[str]
    seats: list[SeatHistory]


class Told(Struct, frozen=True):
    """A history as messages about an event that no other example knows, in the order in which it happened."""

    event_id: str
    venue_id: str
    messages: list[AnyMessage]
    owners: dict[Seat, TicketPurchased]
    free: dict[Seat, int]
    holds: dict[str, tuple[str, int]]


prices = st.integers(0, 9_999)
versions = st.lists(st.dictionaries(st.integers(1, 3), prices, min_size=1), max_size=3)
seats = st.tuples(st.integers(1, 2), st.integers(1, 2))
ends = st.sampled_from(["RELEASED", "EXPIRED", "LATE"])
visits = st.builds(Visit, st.just(0), prices, ends) | st.builds(Visit, st.integers(1, 2), st.none() | prices, ends)
seat_histories = st.builds(SeatHistory, seats, st.lists(visits, min_size=1, max_size=4), st.booleans())
histories = st.builds(
    History,
    versions,
    st.lists(st.sampled_from(["Arena", "Süd", "東"]), max_size=2),
    st.lists(seat_histories, max_size=4, unique_by=lambda history: history.seat),
)


class Teller:
    """Tells what happened, message after message, and remembers what must come of it."""

    def __init__(self) -> None:
        self.told = Told(f"event-{uuid4()}", f"venue-{uuid4()}", [], {}, {}, {})

    def catalogue(self, history: History) -> None:
        """The venue and the event, version after version."""
        for name in history.venue_names:
            self._tell(venue_defined(venue_id=self.told.venue_id, name=name, position=self._position()))
        for version in history.versions:
            zones = [zone(zone_id, price_cents=price) for zone_id, price in version.items()]
            position = self._position()
            self._tell(event_scheduled(event_id=self.told.event_id, zones=zones, name=position, position=position))

    def seat(self, history: SeatHistory) -> None:
        """What became of a seat."""
        late: list[SeatsHeld] = []
        for number, visit in enumerate(history.visits, start=1):
            held = self._hold(history.seat, visit.times_held)
            is_over = number < len(history.visits) or history.is_free_at_last
            if visit.price is not None:
                self._sell(history.seat, visit.price, held, is_over)
            elif is_over and held is not None:
                if visit.end == "LATE":
                    late.append(held)
                else:
                    self._end(held, hold_released if visit.end == "RELEASED" else hold_expired)
        for held in late:
            self._end(held, hold_expired)

    def _hold(self, seat: Seat, times: int) -> SeatsHeld | None:
        zone_id, row = seat
        reference, held = uuid4().hex, None
        for _ in range(times):
            held = seats_held(
                (row, 1), hold=reference, event_id=self.told.event_id, zone_id=zone_id, position=self._position()
            )
            self._tell(held, reference, "HELD")
        return held

    def _sell(self, seat: Seat, price: int, held: SeatsHeld | None, is_over: bool) -> None:
        zone_id, row = seat
        hold = held.data.hold if held is not None else None
        generation = self.told.free.pop(seat, 0) + 1
        sale = purchased(
            event_id=self.told.event_id,
            zone_id=zone_id,
            row=row,
            price_cents=price,
            hold=hold,
            generation=generation,
            position=self._position(),
        )
        self._tell(sale, hold, "ENDED")
        if is_over:
            self._tell(cancelled(sale, position=self._position()))
            self.told.free[seat] = generation
        else:
            self.told.owners[seat] = sale

    def _end(self, held: SeatsHeld, end: Callable[..., HoldReleased | HoldExpired]) -> None:
        self._tell(end(held, position=self._position()), held.data.hold, "ENDED")

    def _position(self) -> str:
        return f"1-{len(self.told.messages)}"

    def _tell(self, message: AnyMessage, hold: str | None = None, status: str = "") -> None:
        if hold is not None:
            self.told.holds[hold] = (status, len(self.told.messages))
        self.told.messages.append(message)


def tell(history: History) -> Told:
    """The messages of a history."""
    teller = Teller()
    teller.catalogue(history)
    for seat in history.seats:
        teller.seat(seat)
    return teller.told


@st.composite
def arrivals(draw: st.DrawFn, count: int) -> list[list[int]]:
    """Batches in which these messages arrive, by number: each at least once, in any order."""
    order = [*draw(st.permutations(range(count)))]
    if count:
        order += draw(st.lists(st.integers(0, count - 1), max_size=8))
    cuts = sorted(draw(st.sets(st.integers(1, len(order)), max_size=4))) if order else []
    return [order[start:end] for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True)]


def chosen(told: Told, numbers: Sequence[int]) -> list[AnyMessage]:
    """The messages of these numbers."""
    return [told.messages[number] for number in numbers]
