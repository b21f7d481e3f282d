"""A change of a venue closes exactly the seats that have no place in its new shape."""

from collections.abc import Sequence

from contracts.catalogue import Zone
from hypothesis import given, strategies as st
from purchase.seats.occupancy import closing_rows
from purchase.seats.seat import Seat

from tests.stage.builders import event, zone

SIZES = st.integers(1, 5)
ZONES = st.lists(
    st.builds(zone, zone_id=st.integers(1, 4), price_cents=st.integers(0, 9), row_count=SIZES, col_count=SIZES),
    min_size=1,
    unique_by=lambda built: built.zone_id,
).map(tuple)


def seats(zones: Sequence[Zone]) -> set[Seat]:
    return {
        Seat(one.zone_id, row, column)
        for one in zones
        for row in range(1, one.row_count + 1)
        for column in range(1, one.col_count + 1)
    }


def closing_seats(before: tuple[Zone, ...], after: tuple[Zone, ...]) -> list[Seat]:
    """Return each seat of `closing_rows`, as often as it occurs there."""
    columns = {one.zone_id: one.col_count for one in before}
    return [
        Seat(closing.zone_id, closing.row, column)
        for closing in closing_rows(before, after)
        for column in range(closing.first_column, columns[closing.zone_id] + 1)
    ]


@given(ZONES, ZONES)
def test_the_seats_that_close_are_those_that_the_new_shape_lacks(
    before: tuple[Zone, ...], after: tuple[Zone, ...]
) -> None:
    closing = closing_seats(before, after)
    assert len(closing) == len(set(closing))
    assert set(closing) == seats(before) - seats(after)


@given(ZONES, ZONES)
def test_a_narrowed_event_has_the_seats_of_both_shapes(before: tuple[Zone, ...], after: tuple[Zone, ...]) -> None:
    assert seats(event(zones=before).narrowed(after).zones) == seats(before) & seats(after)


@given(ZONES, ZONES)
def test_a_narrowed_event_keeps_its_prices_and_other_fields(before: tuple[Zone, ...], after: tuple[Zone, ...]) -> None:
    whole = event(zones=before, max_seats_per_customer=3)
    narrowed = whole.narrowed(after)

    prices = {one.zone_id: one.price_cents for one in before}
    assert all(one.price_cents == prices[one.zone_id] for one in narrowed.zones)
    assert narrowed.narrowed(after) == narrowed
    assert event(zones=narrowed.zones, max_seats_per_customer=3) == narrowed


@given(ZONES)
def test_an_unchanged_shape_closes_no_seat(zones: tuple[Zone, ...]) -> None:
    assert list(closing_rows(zones, zones)) == []
    assert event(zones=zones).narrowed(zones) == event(zones=zones)


@given(ZONES)
def test_a_zone_that_grows_closes_no_seat(zones: tuple[Zone, ...]) -> None:
    grown = tuple(zone(zone_id=one.zone_id, row_count=one.row_count + 1, col_count=one.col_count + 1) for one in zones)
    assert list(closing_rows(zones, grown)) == []
