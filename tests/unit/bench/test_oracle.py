"""The check of the load finds every error in one of 78,000 seats."""

from collections.abc import Mapping
from decimal import Decimal

import pytest
from infra_local.demo.crowd import Race, Seat, Sold
from infra_local.demo.verdict import ReadModel

from tests.bench.load import find_errors, price_of

SEATS = [
    Seat(zone, str(row), chr(96 + column)) for zone in range(1, 101) for row in range(1, 31) for column in range(1, 27)
]
REFUSED = 7_800
TICKETS = [f"ticket-{number}" for number in range(len(SEATS))]


def race_of(seats: list[Seat], *, refused: int = REFUSED) -> Race:
    sold = [Sold(ticket, seat, 1.0) for ticket, seat in zip(TICKETS, seats, strict=True)]
    return Race(sold=sold, refused=refused)


def in_read_model(*, revenue: str = "9672000.00", other_counts: Mapping[int, int] = {}) -> ReadModel:
    return ReadModel(sold={**dict.fromkeys(range(1, 101), 780), **other_counts}, revenue=Decimal(revenue))


def errors(result: Race, *, model: ReadModel | None = None, in_write_model: set[str] | None = None) -> list[str]:
    attempts = len(SEATS) + REFUSED
    tickets = set(TICKETS) if in_write_model is None else in_write_model
    return find_errors(SEATS, attempts, result, model or in_read_model(), tickets)


def test_78000_seats_at_their_prices_agree() -> None:
    assert errors(race_of(SEATS)) == []


@pytest.mark.parametrize(
    ("zone_id", "price"), [(1, "320"), (20, "320"), (21, "160"), (60, "80"), (80, "40"), (81, "20")]
)
def test_a_zone_has_the_price_of_the_sample_catalogue(zone_id: int, price: str) -> None:
    assert price_of(zone_id) == Decimal(price)


def test_a_seat_that_was_sold_twice_is_found() -> None:
    assert errors(race_of([*SEATS[:-1], SEATS[0]])) == ["78000 sold of 78000 seats"]


def test_an_attempt_that_was_neither_sold_nor_refused_is_found() -> None:
    assert errors(race_of(SEATS, refused=REFUSED - 1)) == ["7799 of 85800 attempts refused"]


def test_a_seat_that_the_read_model_counts_in_another_zone_is_found() -> None:
    [error] = errors(race_of(SEATS), model=in_read_model(other_counts={1: 779, 2: 781}))
    assert error.startswith("counts")


def test_a_missing_cent_is_found() -> None:
    assert errors(race_of(SEATS), model=in_read_model(revenue="9671999.99")) == ["revenue 9671999.99, not 9672000.00"]


def test_a_ticket_that_the_write_model_lost_is_found() -> None:
    assert errors(race_of(SEATS), in_write_model=set(TICKETS[1:])) == ["1 tickets differ in the write model"]
