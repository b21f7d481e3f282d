"""What may happen to an event, drawn at random, how its messages may arrive, and what both models must end with."""

from collections.abc import Sequence
from uuid import uuid4

from contracts.codec import AnyMessage
from contracts.ticket import TicketPurchased
from hypothesis import strategies as st
from msgspec import Struct

from tests.unit.terminal.messages import cancelled, event_scheduled, purchased, venue_defined, zone

Seat = tuple[int, int]


class SeatHistory(Struct, frozen=True):
    """Prices at which a seat was sold, one after another; each sale but the last was cancelled, the last perhaps."""

    seat: Seat
    prices: list[int]
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


prices = st.integers(0, 9_999)
versions = st.lists(st.dictionaries(st.integers(1, 3), prices, min_size=1), max_size=3)
seats = st.tuples(st.integers(1, 2), st.integers(1, 2))
seat_histories = st.builds(SeatHistory, seats, st.lists(prices, min_size=1, max_size=3), st.booleans())
histories = st.builds(
    History,
    versions,
    st.lists(st.sampled_from(["Arena", "Süd", "東"]), max_size=2),
    st.lists(seat_histories, max_size=4, unique_by=lambda history: history.seat),
)


def tell(history: History) -> Told:
    """The messages of a history."""
    event_id, venue_id = f"event-{uuid4()}", f"venue-{uuid4()}"
    messages: list[AnyMessage] = [
        venue_defined(venue_id=venue_id, name=name, position=f"1-{number}")
        for number, name in enumerate(history.venue_names)
    ]
    owners: dict[Seat, TicketPurchased] = {}
    free: dict[Seat, int] = {}

    def position() -> str:
        return f"1-{len(messages)}"

    for version in history.versions:
        zones = [zone(zone_id, price_cents=price) for zone_id, price in version.items()]
        messages.append(event_scheduled(event_id=event_id, zones=zones, name=position(), position=position()))
    for one in history.seats:
        zone_id, row = one.seat
        for generation, price in enumerate(one.prices, start=1):
            sale = purchased(
                event_id=event_id,
                zone_id=zone_id,
                row=row,
                price_cents=price,
                generation=generation,
                position=position(),
            )
            messages.append(sale)
            if generation < len(one.prices) or one.is_free_at_last:
                messages.append(cancelled(sale, position=position()))
                free[one.seat] = generation
            else:
                owners[one.seat] = sale
                free.pop(one.seat, None)
    return Told(event_id, venue_id, messages, owners, free)


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
