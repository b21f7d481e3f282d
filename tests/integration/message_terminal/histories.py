"""Random histories of an event: their messages, orders of arrival, and expected results."""

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
    """One customer's attempt on a seat.

    `times_held` counts the hold's messages (0: no hold). `price` is None if nothing was paid. `end`
    is the end of an unpaid hold; LATE: it expired, and the message follows all others of the seat.
    """

    times_held: int
    price: int | None
    end: Literal["RELEASED", "EXPIRED", "LATE"]


class SeatHistory(Struct, frozen=True):
    """The visits to a seat, in order; each ends before the next begins, the last one optionally."""

    seat: Seat
    visits: list[Visit]
    is_free_at_last: bool


class History(Struct, frozen=True):
    """Versions of an event (price by zone), names of its venue, and the history of its seats."""

    versions: list[dict[int, int]]
    venue_names: list[str]
    seats: list[SeatHistory]


class Scenario(Struct, frozen=True):
    """A history's messages, in order, about its own event and venue; and the expected result."""

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


class ScenarioBuilder:
    """A builder of a history's messages and their expected result."""

    def __init__(self) -> None:
        self.scenario = Scenario(f"event-{uuid4()}", f"venue-{uuid4()}", [], {}, {}, {})

    def catalogue(self, history: History) -> None:
        """Add the venue and the event, version by version."""
        for name in history.venue_names:
            self._add(venue_defined(venue_id=self.scenario.venue_id, name=name, position=self._position()))
        for version in history.versions:
            zones = [zone(zone_id, price_cents=price) for zone_id, price in version.items()]
            position = self._position()
            self._add(event_scheduled(event_id=self.scenario.event_id, zones=zones, name=position, position=position))

    def seat(self, history: SeatHistory) -> None:
        """Add the visits to a seat."""
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
                (row, 1), hold=reference, event_id=self.scenario.event_id, zone_id=zone_id, position=self._position()
            )
            self._add(held, reference, "HELD")
        return held

    def _sell(self, seat: Seat, price: int, held: SeatsHeld | None, is_over: bool) -> None:
        zone_id, row = seat
        hold = held.data.hold if held is not None else None
        generation = self.scenario.free.pop(seat, 0) + 1
        sale = purchased(
            event_id=self.scenario.event_id,
            zone_id=zone_id,
            row=row,
            price_cents=price,
            hold=hold,
            generation=generation,
            position=self._position(),
        )
        self._add(sale, hold, "ENDED")
        if is_over:
            self._add(cancelled(sale, position=self._position()))
            self.scenario.free[seat] = generation
        else:
            self.scenario.owners[seat] = sale

    def _end(self, held: SeatsHeld, end: Callable[..., HoldReleased | HoldExpired]) -> None:
        self._add(end(held, position=self._position()), held.data.hold, "ENDED")

    def _position(self) -> str:
        return f"1-{len(self.scenario.messages)}"

    def _add(self, message: AnyMessage, hold: str | None = None, status: str = "") -> None:
        if hold is not None:
            self.scenario.holds[hold] = (status, len(self.scenario.messages))
        self.scenario.messages.append(message)


def scenario_of(history: History) -> Scenario:
    """Build the messages and the expected result of a history."""
    builder = ScenarioBuilder()
    builder.catalogue(history)
    for seat in history.seats:
        builder.seat(seat)
    return builder.scenario


@st.composite
def arrivals(draw: st.DrawFn, count: int) -> list[list[int]]:
    """Draw batches of message numbers: each number at least once, in any order."""
    order = [*draw(st.permutations(range(count)))]
    if count:
        order += draw(st.lists(st.integers(0, count - 1), max_size=8))
    cuts = sorted(draw(st.sets(st.integers(1, len(order)), max_size=4))) if order else []
    return [order[start:end] for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True)]


def chosen(scenario: Scenario, numbers: Sequence[int]) -> list[AnyMessage]:
    """Return the messages with these numbers."""
    return [scenario.messages[number] for number in numbers]
