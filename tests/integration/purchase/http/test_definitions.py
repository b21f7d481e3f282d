"""Defining venues and events over HTTP: answers, messages and refusals."""

import json
from typing import Any

import pytest
from contracts.catalogue import EventScheduled, Scheduled, Venue as PublishedVenue, VenueDefined, Zone

from tests.stage.http_client import ADMIN, EventOnSale, Json, PurchaseClient, event_body, unique, venue_body, zone_body
from tests.stage.problems import assert_problem
from tests.stage.redis_state import RedisState, partition_of

BODY_BYTES_MAX = 64 * 1024


def without(body: Json, field: str) -> Json:
    return {name: value for name, value in body.items() if name != field}


def token_of(redis_state: RedisState, *partitions: int) -> set[str]:
    """Return the parts of a Consistency-Token: the last positions of these partitions."""
    return {f"{partition}:{redis_state.last_position(partition)}" for partition in partitions}


async def test_a_venue_is_defined_and_published(client: PurchaseClient, redis_state: RedisState) -> None:
    venue_id = unique("venue")
    zones = [zone_body(2**31 - 1, ticketPrice=0.5), zone_body(1, ticketPrice=320, rowCount=30, colCount=26)]

    answer = await client.define(venue_id, *zones)

    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "venueId": venue_id,
        "name": "Studio Stage",
        "city": "Vancouver",
        "currency": "USD",
        "zones": [
            {"zoneId": 2**31 - 1, "ticketPrice": 0.5, "rowCount": 5, "colCount": 8},
            {"zoneId": 1, "ticketPrice": 320.0, "rowCount": 30, "colCount": 26},
        ],
    }
    assert answer.headers["consistency-token"] == token_of(redis_state, partition_of(venue_id)).pop()
    (message,) = redis_state.messages_about(venue_id)
    assert isinstance(message, VenueDefined)
    assert message.data == PublishedVenue(
        venue_id=venue_id,
        name="Studio Stage",
        city="Vancouver",
        currency="USD",
        zones=[
            Zone(zone_id=2**31 - 1, price_cents=50, row_count=5, col_count=8),
            Zone(zone_id=1, price_cents=32_000, row_count=30, col_count=26),
        ],
    )


async def test_a_venue_needs_zones_only(client: PurchaseClient) -> None:
    body = {"zones": [zone_body()]}

    answer = await client.http.put(f"/api/v1/venues/{unique('venue')}", json=body, headers=ADMIN)

    assert answer.status_code == 201
    assert answer.json() == {"venueId": answer.json()["venueId"], "name": None, "city": None, "currency": "USD", **body}


async def test_a_venue_defined_again_is_a_change(client: PurchaseClient) -> None:
    venue_id = unique("venue")
    first = await client.define(venue_id)

    again = await client.define(venue_id)

    assert (again.status_code, again.content) == (200, first.content)


async def test_an_event_is_scheduled_and_published_with_the_zones_of_its_venue(
    client: PurchaseClient, redis_state: RedisState
) -> None:
    event = EventOnSale(unique("venue"), unique("event"))
    await client.define(event.venue_id, zone_body(3, ticketPrice=12.34), currency="CAD")

    answer = await client.schedule(
        event,
        salesOpenAt="2029-01-01T09:00:00-08:00",
        salesCloseAt="2029-12-31T23:59:59.5Z",
        maxSeatsPerCustomer=4,
    )

    assert answer.status_code == 201
    assert answer.json() == {
        "eventId": event.event_id,
        "venueId": event.venue_id,
        "name": "Studio Night",
        "type": "concert",
        "date": "2030-01-02",
        "salesOpenAt": "2029-01-01T17:00:00.000000Z",
        "salesCloseAt": "2029-12-31T23:59:59.500000Z",
        "maxSeatsPerCustomer": 4,
    }
    assert {answer.headers["consistency-token"]} == token_of(redis_state, partition_of(event.event_id))
    (message,) = redis_state.messages_about(event.event_id)
    assert isinstance(message, EventScheduled)
    assert message.data == Scheduled(
        event_id=event.event_id,
        venue_id=event.venue_id,
        name="Studio Night",
        type="concert",
        date=message.data.date,
        currency="CAD",
        zones=[Zone(zone_id=3, price_cents=1234, row_count=5, col_count=8)],
        sales_open_at="2029-01-01T17:00:00.000000Z",
        sales_close_at="2029-12-31T23:59:59.500000Z",
        max_seats_per_customer=4,
    )
    assert message.data.date.isoformat() == "2030-01-02"


async def test_an_event_scheduled_again_is_replaced_as_a_whole(client: PurchaseClient) -> None:
    event = await client.put_on_sale(maxSeatsPerCustomer=1, salesCloseAt="2020-01-01T00:00:00Z")

    answer = await client.schedule(event)

    assert answer.status_code == 200
    assert answer.json()["maxSeatsPerCustomer"] is None
    assert (await client.buy(event.seat())).status_code == 201


async def test_a_change_of_a_venue_changes_every_event_and_answers_the_position_of_each_partition(
    client: PurchaseClient, redis_state: RedisState
) -> None:
    event = await client.put_on_sale()
    others = [EventOnSale(event.venue_id, unique("event")) for _ in range(6)]
    for other in others:
        await client.schedule(other)

    answer = await client.define(event.venue_id, zone_body(1, ticketPrice=30), zone_body(2))

    events = [event.event_id, *(other.event_id for other in others)]
    partitions = {partition_of(name) for name in [event.venue_id, *events]}
    assert answer.status_code == 200
    assert set(answer.headers["consistency-token"].split(",")) == token_of(redis_state, *partitions)
    redis_state.assert_agreement(event.venue_id, *events)


async def test_a_venue_may_have_the_maximum_size(client: PurchaseClient) -> None:
    event = await client.put_on_sale(
        zone_body(1, rowCount=1000, colCount=702), zone_body(2, rowCount=1000, colCount=298)
    )

    assert (await client.buy(event.seat("1000", "zz"))).status_code == 201


async def test_a_venue_of_many_zones_is_sold_at_once(client: PurchaseClient, redis_state: RedisState) -> None:
    zones = [zone_body(number, rowCount=1, colCount=1) for number in range(1, 1001)]
    event = await client.put_on_sale(*zones)

    assert (await client.buy(event.seat(zoneId=1000))).status_code == 201
    redis_state.assert_agreement(event.venue_id, event.event_id)


async def test_sold_seats_cannot_be_removed(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale(zone_body(1), zone_body(2))
    for row, column, zone_id in [("1", "a", 1), ("5", "h", 1), ("2", "h", 1), ("3", "c", 2)]:
        await client.bought(event.seat(row, column, zoneId=zone_id))
    before = redis_state.messages()

    answer = await client.define(event.venue_id, zone_body(1, rowCount=4, colCount=7))

    assert_problem(
        answer,
        409,
        "seats-in-use",
        seats=[
            {"eventId": event.event_id, "zoneId": 1, "row": "2", "column": "h"},
            {"eventId": event.event_id, "zoneId": 1, "row": "5", "column": "h"},
            {"eventId": event.event_id, "zoneId": 2, "row": "3", "column": "c"},
        ],
    )
    assert redis_state.messages() == before


async def test_a_refused_change_changes_nothing(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale(zone_body(1), zone_body(2))
    other = EventOnSale(event.venue_id, unique("event"))
    await client.schedule(other)
    await client.bought(event.seat(zoneId=2))

    assert (await client.define(event.venue_id, zone_body(1, ticketPrice=1), name="Renamed")).status_code == 409

    redis_state.assert_agreement(event.venue_id, event.event_id, other.event_id)
    assert redis_state.venue(event.venue_id).name == "Studio Stage"
    for seat in (event.seat("2", "b", zoneId=2), other.seat("5", "h", zoneId=2), event.seat("5", "h")):
        assert (await client.bought(seat))["price"] == 25.0


async def test_seats_that_were_sold_and_cancelled_can_be_removed(client: PurchaseClient) -> None:
    event = await client.put_on_sale(zone_body(1), zone_body(2))
    ticket = await client.bought(event.seat(zoneId=2))
    assert_problem(await client.define(event.venue_id, zone_body(1)), 409, "seats-in-use")
    await client.cancel(ticket)

    assert (await client.define(event.venue_id, zone_body(1))).status_code == 200


async def test_a_refusal_lists_the_first_hundred_seats_in_use(client: PurchaseClient) -> None:
    event = await client.put_on_sale(zone_body(rowCount=2, colCount=60))
    for row in ("1", "2"):
        for column in range(52):
            name = "abcdefghijklmnopqrstuvwxyz"[column % 26]
            await client.bought(event.seat(row, name if column < 26 else f"a{name}"))

    answer = await client.define(event.venue_id, zone_body(2))

    assert_problem(answer, 409, "seats-in-use")
    assert len(answer.json()["seats"]) == 100


async def test_an_event_needs_a_venue(client: PurchaseClient, redis_state: RedisState) -> None:
    event = EventOnSale(unique("venue"), unique("event"))

    with redis_state.unchanged():
        answer = await client.schedule(event)

    assert_problem(answer, 404, "venue-not-found", venueId=event.venue_id)


async def test_an_event_stays_at_its_venue(client: PurchaseClient, redis_state: RedisState) -> None:
    event, other = await client.put_on_sale(), await client.put_on_sale()

    with redis_state.unchanged():
        answer = await client.schedule(EventOnSale(other.venue_id, event.event_id))

    assert_problem(answer, 409, "venue-mismatch", venueId=event.venue_id)


@pytest.mark.parametrize("path", ["/api/v1/venues/Arena", "/api/v1/events/Opening"])
async def test_only_admins_define(client: PurchaseClient, redis_state: RedisState, path: str) -> None:
    body = {"zones": [zone_body()]}

    with redis_state.unchanged():
        anonymous = await client.http.put(path, json=body)
        stranger = await client.http.put(path, json=body, headers={"Authorization": "Bearer some-other-token"})
        buyer = await client.http.put(path, json=body, headers={"Receipt": "local-admin-token"})

    assert_problem(anonymous, 401, "unauthorized")
    assert_problem(stranger, 403, "forbidden")
    assert_problem(buyer, 401, "unauthorized")
    assert anonymous.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/api/v1/venues/Arena", "/api/v1/events/Opening"])
async def test_a_definition_is_json_of_at_most_64_kib(
    client: PurchaseClient, redis_state: RedisState, path: str
) -> None:
    with redis_state.unchanged():
        large = await client.http.put(path, content=b" " * (BODY_BYTES_MAX + 1), headers=ADMIN)
        text = await client.http.put(path, content=b"{}", headers={**ADMIN, "Content-Type": "text/plain"})
        broken = await client.http.put(path, content=b"{", headers={**ADMIN, "Content-Type": "application/json"})

    assert_problem(large, 413, "too-large")
    assert_problem(text, 415, "unsupported-media-type")
    assert_problem(broken, 400, "invalid-request", field="$")


@pytest.mark.parametrize("kind", ["venue", "event"])
@pytest.mark.parametrize("name", ["a%20b", "x" * 65, "%C3%A9", "a%3Ab", "a%0A"])
async def test_a_malformed_id_is_an_invalid_request(
    client: PurchaseClient, redis_state: RedisState, kind: str, name: str
) -> None:
    body = venue_body() if kind == "venue" else event_body("Venue1")

    with redis_state.unchanged():
        answer = await client.http.put(f"/api/v1/{kind}s/{name}", json=body, headers=ADMIN)

    assert_problem(answer, 400, "invalid-request", field=f"{kind}Id")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"zones": None}, "zones"),
        ({"zones": []}, "zones"),
        ({"zones": [zone_body(1), zone_body(2), zone_body(1)]}, "zones"),
        ({"zones": [zone_body(1, rowCount=1000, colCount=702), zone_body(2, rowCount=1000, colCount=299)]}, "zones"),
        ({"zones": [zone_body(0)]}, "zones[0].zoneId"),
        ({"zones": [zone_body(1), zone_body(2**31)]}, "zones[1].zoneId"),
        ({"zones": [zone_body("1")]}, "zones[0].zoneId"),  # type: ignore[arg-type]
        ({"zones": [zone_body(rowCount=0)]}, "zones[0].rowCount"),
        ({"zones": [zone_body(rowCount=1001)]}, "zones[0].rowCount"),
        ({"zones": [zone_body(rowCount=5.0)]}, "zones[0].rowCount"),
        ({"zones": [zone_body(colCount=0)]}, "zones[0].colCount"),
        ({"zones": [zone_body(colCount=703)]}, "zones[0].colCount"),
        ({"zones": [zone_body(ticketPrice=-0.01)]}, "zones[0].ticketPrice"),
        ({"zones": [zone_body(ticketPrice=1_000_000)]}, "zones[0].ticketPrice"),
        ({"zones": [zone_body(ticketPrice=9.999)]}, "zones[0].ticketPrice"),
        ({"zones": [zone_body(ticketPrice="25.00")]}, "zones[0].ticketPrice"),
        ({"zones": [zone_body(ticketPrice=None)]}, "zones[0].ticketPrice"),
        ({"zones": [zone_body(ticketPrice=[1])]}, "zones[0].ticketPrice"),
        ({"zones": [without(zone_body(), "ticketPrice")]}, "zones[0].ticketPrice"),
        ({"zones": [without(zone_body(), "colCount")]}, "zones[0].colCount"),
        ({"zones": [zone_body(row=1)]}, "zones[0].row"),
        ({"zones": zone_body()}, "zones"),
        ({"currency": "usd"}, "currency"),
        ({"currency": "EURO"}, "currency"),
        ({"currency": None}, "currency"),
        ({"name": 1}, "name"),
        ({"name": ""}, "name"),
        ({"city": "x" * 201}, "city"),
        ({"venueId": "Arena"}, "venueId"),
    ],
    ids=lambda value: json.dumps(value)[:60],
)
async def test_an_invalid_venue_is_refused_with_the_name_of_the_field(
    client: PurchaseClient, redis_state: RedisState, changes: Json, field: str
) -> None:
    body = {**venue_body(), **changes}

    with redis_state.unchanged():
        answer = await client.http.put("/api/v1/venues/Arena", json=body, headers=ADMIN)

    assert_problem(answer, 400, "invalid-request", field=field)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"venueId": "a b"}, "venueId"),
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"type": ""}, "type"),
        ({"type": "x" * 65}, "type"),
        ({"date": "2030-02-30"}, "date"),
        ({"date": "2030-01-01T00:00:00Z"}, "date"),
        ({"date": 20300101}, "date"),
        ({"salesOpenAt": "2030-01-01"}, "salesOpenAt"),
        ({"salesOpenAt": "2030-01-01T00:00:00"}, "salesOpenAt"),
        ({"salesOpenAt": 1893456000}, "salesOpenAt"),
        ({"salesOpenAt": "0001-01-01T00:00:00+14:00"}, "salesOpenAt"),
        ({"salesCloseAt": "9999-12-31T23:59:59-01:00"}, "salesCloseAt"),
        ({"salesOpenAt": "2030-01-01T10:00:00Z", "salesCloseAt": "2030-01-01T11:00:00+01:00"}, "salesCloseAt"),
        ({"maxSeatsPerCustomer": 0}, "maxSeatsPerCustomer"),
        ({"maxSeatsPerCustomer": 1.5}, "maxSeatsPerCustomer"),
        ({"maxSeatsPerCustomer": 10**30}, "maxSeatsPerCustomer"),
        ({"zones": []}, "zones"),
        ({"currency": "USD"}, "currency"),
    ],
    ids=lambda value: json.dumps(value)[:60],
)
async def test_an_invalid_event_is_refused_with_the_name_of_the_field(
    client: PurchaseClient, redis_state: RedisState, changes: Json, field: str
) -> None:
    body = {**event_body("Venue1"), **changes}

    with redis_state.unchanged():
        answer = await client.http.put("/api/v1/events/Opening", json=body, headers=ADMIN)

    assert_problem(answer, 400, "invalid-request", field=field)


@pytest.mark.parametrize("field", ["venueId", "name", "type", "date"])
async def test_a_missing_field_of_an_event_is_refused(client: PurchaseClient, field: str) -> None:
    body: dict[str, Any] = without(event_body("Venue1"), field)

    answer = await client.http.put("/api/v1/events/Opening", json=body, headers=ADMIN)

    assert_problem(answer, 400, "invalid-request", field=field)


async def test_a_currency_without_two_decimals_is_refused(client: PurchaseClient) -> None:
    event = await client.put_on_sale()

    assert_problem(
        await client.define(event.venue_id, zone_body(1), currency="JPY"), 400, "invalid-request", field="currency"
    )
