"""Queries for the projected catalogue: venues, events, and the seats of an event."""

import json
from datetime import UTC, datetime, timedelta

import httpx

from tests.stage.read_model import ReadModel, moment

ZONES = [
    {"zoneId": 1, "ticketPrice": 25.0, "rowCount": 5, "colCount": 8},
    {"zoneId": 2, "ticketPrice": 50.0, "rowCount": 5, "colCount": 8},
]
VENUE = {"venueId": "Venue2", "name": "The Little Stage", "city": "Vancouver", "currency": "USD"}
EVENT = {
    "eventId": "Event2",
    "venueId": "Venue2",
    "name": "An Evening for Few",
    "type": "concert",
    "date": "2030-01-02",
    "currency": "USD",
    "salesOpenAt": None,
    "salesCloseAt": None,
    "maxSeatsPerCustomer": None,
}


async def test_a_venue_is_answered_with_its_zones(client: httpx.AsyncClient, read_model: ReadModel) -> None:
    read_model.add_venue()

    answer = await client.get("/api/v1/venues/Venue2")

    assert answer.status_code == 200
    assert answer.json() == {**VENUE, "zones": ZONES}


async def test_a_venue_may_lack_a_name_and_its_zones_are_in_order_of_their_ids(
    client: httpx.AsyncClient, read_model: ReadModel
) -> None:
    zones = [{"zoneId": zone_id, "priceCents": 1, "rowCount": 1, "colCount": 1} for zone_id in (10, 9)]
    read_model.add_venue(name=None, city=None, zones=json.dumps(zones))

    venue = (await client.get("/api/v1/venues/Venue2")).json()

    assert venue["name"] is None
    assert venue["city"] is None
    assert [zone["zoneId"] for zone in venue["zones"]] == [9, 10]
    assert [zone["ticketPrice"] for zone in venue["zones"]] == [0.01, 0.01]


async def test_venues_are_listed_without_their_zones(client: httpx.AsyncClient, read_model: ReadModel) -> None:
    read_model.add_venue(name="Scène nº 2 🎭")

    answer = await client.get("/api/v1/venues")

    assert answer.json() == {"venues": [{**VENUE, "name": "Scène nº 2 🎭"}], "nextCursor": None}


async def test_an_event_is_answered_with_its_zones_and_prices(client: httpx.AsyncClient, read_model: ReadModel) -> None:
    read_model.add_event()
    read_model.add_zone(3, sold_count=1, revenue_cents=2500)

    answer = await client.get("/api/v1/events/Event2")

    assert answer.status_code == 200
    assert answer.json() == {**EVENT, "zones": ZONES}


async def test_an_event_has_its_sales_window_and_its_limit_per_customer(
    client: httpx.AsyncClient, read_model: ReadModel
) -> None:
    read_model.add_event(
        zones=[],
        sales_open_at=moment("2029-11-01T09:00:00.000000Z"),
        sales_close_at=moment("2029-12-31T23:59:59.999999Z"),
        max_seats_per_customer=4,
    )

    answer = await client.get("/api/v1/events")

    on_sale = {"salesOpenAt": "2029-11-01T09:00:00.000000Z", "salesCloseAt": "2029-12-31T23:59:59.999999Z"}
    assert answer.json() == {"events": [{**EVENT, **on_sale, "maxSeatsPerCustomer": 4}], "nextCursor": None}


async def test_the_seat_map_shows_each_seat_of_each_zone(client: httpx.AsyncClient, read_model: ReadModel) -> None:
    read_model.add_event()
    read_model.add_tickets(
        [
            {"number": 1, "zone_id": 1, "seat_row": 1, "seat_column": 1},
            {"number": 2, "zone_id": 1, "seat_row": 1, "seat_column": 8},
            {"number": 3, "zone_id": 2, "seat_row": 5, "seat_column": 2},
            {"number": 4, "zone_id": 2, "seat_row": 3, "seat_column": 3, "status": "CANCELLED"},
        ]
    )

    answer = await client.get("/api/v1/events/Event2/seats")

    assert answer.status_code == 200
    assert answer.json() == {
        "eventId": "Event2",
        "venueId": "Venue2",
        "currency": "USD",
        "zones": [
            {**ZONES[0], "rows": ["S......S", "........", "........", "........", "........"]},
            {**ZONES[1], "rows": ["........", "........", "........", "........", ".S......"]},
        ],
    }


async def test_the_seat_map_can_be_limited_to_one_zone(client: httpx.AsyncClient, read_model: ReadModel) -> None:
    read_model.add_event()
    read_model.add_ticket(1, zone_id=1)
    read_model.add_ticket(2, zone_id=2, seat_row=5, seat_column=8)

    answer = await client.get("/api/v1/events/Event2/seats", params={"zoneId": 2})

    [zone] = answer.json()["zones"]
    assert zone["zoneId"] == 2
    assert zone["rows"][4] == ".......S"


async def test_the_seat_map_shows_which_seats_are_held(client: httpx.AsyncClient, read_model: ReadModel) -> None:
    read_model.add_event()
    read_model.add_event("Event3")
    read_model.add_held_seat(1)
    read_model.add_held_seat(1, seat_column=3)
    read_model.add_held_seat(2, zone_id=2, seat_row=5, seat_column=8)
    read_model.add_held_seat(3, event_id="Event3")

    zones = (await client.get("/api/v1/events/Event2/seats")).json()["zones"]
    [second] = (await client.get("/api/v1/events/Event2/seats", params={"zoneId": 2})).json()["zones"]

    assert zones == [
        {**ZONES[0], "rows": [".HH.....", "........", "........", "........", "........"]},
        {**ZONES[1], "rows": ["........", "........", "........", "........", ".......H"]},
    ]
    assert second == zones[1]


async def test_a_seat_is_free_once_its_hold_expires_or_ends(client: httpx.AsyncClient, read_model: ReadModel) -> None:
    read_model.add_event()
    now = datetime.now(UTC).replace(tzinfo=None)
    read_model.add_held_seat(1, seat_column=1, held_until=now)
    read_model.add_held_seat(2, seat_column=2, held_until=now + timedelta(minutes=1), status="ENDED")
    read_model.add_held_seat(3, seat_column=3, held_until=now + timedelta(minutes=1))
    read_model.add_held_seat(4, seat_column=3, held_until=now)

    [zone, _] = (await client.get("/api/v1/events/Event2/seats")).json()["zones"]

    assert zone["rows"][0] == "..H....."


async def test_a_sold_seat_is_shown_as_sold_although_a_hold_has_it(
    client: httpx.AsyncClient, read_model: ReadModel
) -> None:
    read_model.add_event()
    read_model.add_tickets([{"number": 1, "seat_column": 2}, {"number": 2, "seat_column": 3, "status": "CANCELLED"}])
    read_model.add_held_seat(1, seat_column=2)
    read_model.add_held_seat(1, seat_column=3)

    [zone, _] = (await client.get("/api/v1/events/Event2/seats")).json()["zones"]

    assert zone["rows"][0] == ".SH....."


async def test_a_zone_of_the_largest_size_is_on_the_map_to_its_last_seat(
    client: httpx.AsyncClient, read_model: ReadModel
) -> None:
    read_model.add_event(zones=[{"zoneId": 1, "rowCount": 1000, "colCount": 702, "priceCents": 100}])
    read_model.add_tickets([{"number": n, "seat_row": 1000, "seat_column": n} for n in range(1, 703)])

    [zone] = (await client.get("/api/v1/events/Event2/seats")).json()["zones"]

    assert zone["rows"] == ["." * 702] * 999 + ["S" * 702]


async def test_a_ticket_that_is_projected_before_its_zone_is_not_on_the_map(
    client: httpx.AsyncClient, read_model: ReadModel
) -> None:
    read_model.add_event()
    read_model.add_zone(3, sold_count=1, revenue_cents=2500)
    read_model.add_tickets(
        [
            {"number": 1, "zone_id": 3},
            {"number": 2, "zone_id": 1, "seat_row": 6, "seat_column": 1},
            {"number": 3, "zone_id": 1, "seat_row": 1, "seat_column": 9},
        ]
    )

    zones = (await client.get("/api/v1/events/Event2/seats")).json()["zones"]

    assert [zone["zoneId"] for zone in zones] == [1, 2]
    assert zones[0]["rows"] == ["........"] * 5
