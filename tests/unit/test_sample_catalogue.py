"""The sample catalogue's seats and prices, from which the load tests compute the revenue."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated

import msgspec
import pytest
from infra_local.servers import INFRA
from msgspec import Meta

CATALOG = INFRA / "catalog"


class Zone(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A zone, priced in whole currency units."""

    zone_id: int
    ticket_price: Decimal
    row_count: int
    col_count: int

    @property
    def seats(self) -> int:
        return self.row_count * self.col_count


class Venue(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The body of PUT /venues/{venueId}."""

    name: str
    city: str
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]
    zones: list[Zone]


def venue(venue_id: str) -> Venue:
    return msgspec.json.decode((CATALOG / f"venues/{venue_id}.json").read_bytes(), type=Venue)


def test_venue1_has_78_000_seats_worth_9_672_000() -> None:
    zones = venue("Venue1").zones
    assert [zone.zone_id for zone in zones] == list(range(1, 101))
    assert {(zone.row_count, zone.col_count) for zone in zones} == {(30, 26)}
    assert sum(zone.seats for zone in zones) == 78_000
    assert sum(zone.seats * zone.ticket_price for zone in zones) == Decimal("9672000.00")


@pytest.mark.parametrize(
    ("first", "last", "price"), [(1, 20, 320), (21, 40, 160), (41, 60, 80), (61, 80, 40), (81, 100, 20)]
)
def test_each_twenty_zones_of_venue1_have_one_price(first: int, last: int, price: int) -> None:
    assert {zone.ticket_price for zone in venue("Venue1").zones[first - 1 : last]} == {price}


def test_venue2_has_80_seats_in_two_zones() -> None:
    assert [(zone.seats, zone.ticket_price) for zone in venue("Venue2").zones] == [(40, Decimal(25)), (40, Decimal(50))]


@pytest.mark.parametrize("path", sorted(CATALOG.glob("events/*.json")), ids=lambda path: path.stem)
def test_the_venue_of_an_event_exists(path: Path) -> None:
    assert (CATALOG / f"venues/{msgspec.json.decode(path.read_bytes())['venueId']}.json").exists()


def test_event1_is_a_concert_on_the_first_day_of_2030() -> None:
    event = msgspec.json.decode((CATALOG / "events/Event1.json").read_bytes())
    assert (event["venueId"], event["type"], event["date"]) == ("Venue1", "concert", "2030-01-01")
