"""Every refusal of a purchase, provoked by its real cause; each changes nothing."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta, timezone

import httpx
import pytest
from infra_local.running import RunningServer

from tests.stage.http_client import ADMIN, EventOnSale, PurchaseClient, open_client, zone_body
from tests.stage.problems import assert_problem
from tests.stage.processes.purchase import Service, serving
from tests.stage.redis_state import RedisState

BODY_BYTES_MAX = 64 * 1024
JSON_TYPE = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def without_direct_sales(service: Service) -> Iterator[RunningServer]:
    """A second process, without direct sales."""
    with serving(service.redis_url, DIRECT_SALES="false") as running:
        yield running


@pytest.fixture
async def other_window(without_direct_sales: RunningServer) -> AsyncIterator[PurchaseClient]:
    """The calls of the process without direct sales."""
    async with open_client(without_direct_sales.url) as client:
        yield client


async def post(client: PurchaseClient, content: bytes, headers: dict[str, str] = JSON_TYPE) -> httpx.Response:
    return await client.http.post("/api/v1/tickets", content=content, headers=headers)


def sized(event: EventOnSale, size: int) -> bytes:
    """Return a valid order of this many bytes."""
    return json.dumps(event.seat()).encode().ljust(size)


def hours_from_now(hours: int) -> datetime:
    """Return a full second, for which an encoder might omit the fraction."""
    return datetime.now(UTC).replace(microsecond=0) + timedelta(hours=hours)


async def test_a_body_of_64_kib_is_accepted(client: PurchaseClient) -> None:
    event = await client.put_on_sale()

    assert (await post(client, sized(event, BODY_BYTES_MAX))).status_code == 201


async def test_a_larger_body_is_too_large(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale()

    with redis_state.unchanged():
        answer = await post(client, sized(event, BODY_BYTES_MAX + 1))

    assert_problem(answer, 413, "too-large")


async def test_a_larger_body_of_unknown_length_is_too_large(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale()

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(9):
            yield sized(event, BODY_BYTES_MAX // 8)

    with redis_state.unchanged():
        answer = await client.http.post("/api/v1/tickets", content=pieces(), headers=JSON_TYPE)

    assert_problem(answer, 413, "too-large")


@pytest.mark.parametrize(
    "headers",
    [{}, {"Content-Type": ""}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}],
    ids=str,
)
async def test_a_body_of_another_media_type_is_refused(
    client: PurchaseClient, redis_state: RedisState, headers: dict[str, str]
) -> None:
    event = await client.put_on_sale()

    with redis_state.unchanged():
        answer = await post(client, sized(event, 200), headers)

    assert_problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"seat 1a, please",
        b"{",
        b"{'row': '1'}",
        b'{"zoneId": NaN}',
        b'{"row": "\\ud800"}',
        b'{"row": "\xff"}',
        b"\xef\xbb\xbf{}",
        b"{}".decode().encode("utf-16"),
        b"[" * 60_000,
    ],
    ids=lambda content: repr(content[:16]),
)
async def test_a_body_that_is_not_json_is_an_invalid_request(
    client: PurchaseClient, redis_state: RedisState, content: bytes
) -> None:
    with redis_state.unchanged():
        answer = await post(client, content)

    assert_problem(answer, 400, "invalid-request", field="$")


@pytest.mark.parametrize("content", [b"[]", b"null", b'"seat"', b"1"])
async def test_json_that_is_not_an_object_is_an_invalid_request(client: PurchaseClient, content: bytes) -> None:
    assert_problem(await post(client, content), 400, "invalid-request", field="$")


@pytest.mark.parametrize("field", ["venueId", "eventId", "zoneId", "row", "column"])
async def test_a_missing_field_is_named(client: PurchaseClient, redis_state: RedisState, field: str) -> None:
    event = await client.put_on_sale()

    with redis_state.unchanged():
        answer = await client.buy({name: value for name, value in event.seat().items() if name != field})

    assert_problem(answer, 400, "invalid-request", field=field)


@pytest.mark.parametrize("field", ["seat", "Row", "row ", "zone_id", "price", "status"])
async def test_an_unknown_field_is_named(client: PurchaseClient, redis_state: RedisState, field: str) -> None:
    event = await client.put_on_sale()

    with redis_state.unchanged():
        answer = await client.buy({**event.seat(), field: "1"})

    assert_problem(answer, 400, "invalid-request", field=field)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("zoneId", "1"),
        ("zoneId", 1.0),
        ("zoneId", True),
        ("zoneId", None),
        ("zoneId", [1]),
        ("zoneId", 0),
        ("zoneId", -1),
        ("zoneId", 2**31),
        ("zoneId", 10**40),
        ("row", 1),
        ("row", None),
        ("column", 1),
        ("column", ["a"]),
        ("venueId", 1),
        ("eventId", None),
        ("eventId", {}),
        ("customerId", 7),
        ("customerId", ""),
        ("customerId", "x" * 129),
    ],
    ids=lambda value: repr(value)[:12],
)
async def test_the_field_of_a_wrong_value_is_named(
    client: PurchaseClient, redis_state: RedisState, field: str, value: object
) -> None:
    event = await client.put_on_sale()

    with redis_state.unchanged():
        answer = await client.buy({**event.seat(), field: value})

    assert_problem(answer, 400, "invalid-request", field=field)


@pytest.mark.parametrize("field", ["venueId", "eventId"])
@pytest.mark.parametrize("name", ["", "x" * 65, "a b", "é", "a/b", "a:b", "a{1}", "a\n", "a\x00"], ids=repr)
async def test_a_malformed_id_is_an_invalid_request(
    client: PurchaseClient, redis_state: RedisState, field: str, name: str
) -> None:
    event = await client.put_on_sale()

    with redis_state.unchanged():
        answer = await client.buy({**event.seat(), field: name})

    assert_problem(answer, 400, "invalid-request", field=field)


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("0", "a"),
        ("-1", "a"),
        ("+1", "a"),
        ("01", "a"),
        ("1.0", "a"),
        ("b1", "a"),
        ("1", "b1"),
        ("", "a"),
        ("1", ""),
        (" 1", "a"),
        ("1", "a "),
        ("1", "a\n"),
        ("1", "é"),
        ("1", "ａ"),
        ("1", "ß"),
        ("1", "ı"),
        ("١", "a"),
        ("²", "a"),
        ("1", "2"),
        ("a", "b"),
        ("A", "01"),
        ("1e3", "a"),
        ("1_0", "a"),
    ],
    ids=repr,
)
async def test_a_malformed_seat_label_is_refused(
    client: PurchaseClient, redis_state: RedisState, row: str, column: str
) -> None:
    event = await client.put_on_sale()

    with redis_state.unchanged():
        answer = await client.buy(event.seat(row, column))

    assert_problem(answer, 422, "invalid-seat-label", row=row, column=column)


async def test_an_undefined_event_is_not_found(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale()

    with redis_state.unchanged():
        answer = await client.buy(event.seat(eventId="Atlantis.~-_1"))

    assert_problem(answer, 404, "event-not-found", eventId="Atlantis.~-_1")


async def test_ids_are_case_sensitive(client: PurchaseClient) -> None:
    event = await client.put_on_sale()

    assert_problem(await client.buy(event.seat(eventId=event.event_id.upper())), 404, "event-not-found")
    assert_problem(await client.buy(event.seat(venueId=event.venue_id.upper())), 409, "venue-mismatch")


async def test_an_event_is_not_at_another_venue(client: PurchaseClient, redis_state: RedisState) -> None:
    event, other = await client.put_on_sale(), await client.put_on_sale()

    with redis_state.unchanged():
        answer = await client.buy(event.seat(venueId=other.venue_id))

    assert_problem(answer, 409, "venue-mismatch", venueId=event.venue_id)


async def test_a_zone_that_the_event_does_not_have_is_not_found(
    client: PurchaseClient, redis_state: RedisState
) -> None:
    event = await client.put_on_sale(zone_body(1), zone_body(3))

    with redis_state.unchanged():
        answer = await client.buy(event.seat(zoneId=2))

    assert_problem(answer, 404, "zone-not-found", zoneId=2)


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("6", "a"),
        ("1", "i"),
        ("1", "aa"),
        ("B", "10"),
        ("1001", "a"),
        ("1", "zzz"),
        ("9" * 5_000, "a"),
        ("1", "z" * 5_000),
        ("18446744073709551617", "a"),
    ],
    ids=lambda label: label[:20],
)
async def test_a_seat_outside_the_zone_touches_no_other(
    client: PurchaseClient, redis_state: RedisState, row: str, column: str
) -> None:
    event = await client.put_on_sale(zone_body(1, rowCount=5, colCount=8), zone_body(2, rowCount=100, colCount=100))

    with redis_state.unchanged():
        answer = await client.buy(event.seat(row, column))

    assert_problem(answer, 422, "seat-out-of-range", zoneId=1, rowCount=5, colCount=8)


async def test_direct_sales_can_be_switched_off(other_window: PurchaseClient, redis_state: RedisState) -> None:
    event = await other_window.put_on_sale()

    with redis_state.unchanged():
        answer = await other_window.buy(event.seat())

    assert_problem(answer, 403, "direct-sales-off")


async def test_direct_sales_are_checked_after_the_seat_and_before_the_sales_window(
    other_window: PurchaseClient,
) -> None:
    event = await other_window.put_on_sale(salesCloseAt=hours_from_now(-1).isoformat(), maxSeatsPerCustomer=1)

    assert_problem(await other_window.buy(event.seat("6")), 422, "seat-out-of-range")
    assert_problem(await other_window.buy(event.seat()), 403, "direct-sales-off")


async def test_before_sales_open_nothing_is_sold(client: PurchaseClient, redis_state: RedisState) -> None:
    opens = hours_from_now(1)
    event = await client.put_on_sale(salesOpenAt=opens.astimezone(timezone(timedelta(hours=-7))).isoformat())

    with redis_state.unchanged():
        answer = await client.buy(event.seat())

    open_at = opens.isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert_problem(answer, 403, "sales-not-open", salesOpenAt=open_at)


async def test_after_sales_closed_nothing_is_sold(client: PurchaseClient, redis_state: RedisState) -> None:
    closed = hours_from_now(-1)
    event = await client.put_on_sale(salesCloseAt=closed.isoformat())

    with redis_state.unchanged():
        answer = await client.buy(event.seat())

    close_at = closed.isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert_problem(answer, 403, "sales-closed", salesCloseAt=close_at)


async def test_seats_are_sold_while_sales_are_open(client: PurchaseClient) -> None:
    event = await client.put_on_sale(
        salesOpenAt=hours_from_now(-1).isoformat(), salesCloseAt=hours_from_now(1).isoformat()
    )

    assert (await client.buy(event.seat())).status_code == 201


async def test_sales_open_by_themselves_at_their_time(client: PurchaseClient) -> None:
    event = await client.put_on_sale(salesOpenAt=(datetime.now(UTC) + timedelta(seconds=1.5)).isoformat())
    assert_problem(await client.buy(event.seat()), 403, "sales-not-open")

    deadline = time.monotonic() + 10
    while (answer := await client.buy(event.seat())).status_code == 403:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)

    assert answer.status_code == 201


async def test_an_event_with_a_limit_requires_a_customer(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale(maxSeatsPerCustomer=2)

    with redis_state.unchanged():
        answer = await client.buy(event.seat())

    assert_problem(answer, 400, "invalid-request", field="customerId")


async def test_a_customer_gets_no_more_seats_than_the_event_allows(
    client: PurchaseClient, redis_state: RedisState
) -> None:
    event = await client.put_on_sale(zone_body(1), zone_body(2), maxSeatsPerCustomer=2)
    await client.bought(event.seat("1", customerId="Ada"))
    await client.bought(event.seat("2", customerId="Ada", zoneId=2))

    with redis_state.unchanged():
        answer = await client.buy(event.seat("3", customerId="Ada"))

    assert_problem(answer, 409, "customer-limit", maxSeatsPerCustomer=2)
    assert (await client.buy(event.seat("3", customerId="Bob"))).status_code == 201


async def test_a_customer_who_buys_all_seats_at_once_gets_no_more(client: PurchaseClient) -> None:
    event = await client.put_on_sale(maxSeatsPerCustomer=3)
    orders = [event.seat(str(row), column, customerId="Ada") for row in range(1, 6) for column in "abcdefgh"]

    answers = await asyncio.gather(*(client.buy(order) for order in orders))

    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 37


async def test_the_limit_applies_to_each_event_separately(client: PurchaseClient) -> None:
    events = [await client.put_on_sale(maxSeatsPerCustomer=1) for _ in range(2)]

    answers = [await client.buy(event.seat(customerId="Ada")) for event in events]

    assert [answer.status_code for answer in answers] == [201, 201]


async def test_seats_bought_before_there_was_a_limit_count(client: PurchaseClient) -> None:
    event = await client.put_on_sale()
    await client.bought(event.seat("1", customerId="Ada"))
    await client.schedule(event, maxSeatsPerCustomer=1)

    assert_problem(await client.buy(event.seat("2", customerId="Ada")), 409, "customer-limit")


async def test_a_seat_that_is_sold_is_taken(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale()
    await client.bought(event.seat("2", "b"))

    with redis_state.unchanged():
        answer = await client.buy(event.seat("B", "2"))

    assert_problem(answer, 409, "seat-taken", seats=[{"zoneId": 1, "row": "2", "column": "b"}])


async def test_a_zone_is_full_when_every_seat_of_it_is_sold(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale(zone_body(1, rowCount=1, colCount=2), zone_body(2))
    tickets = [await client.bought(event.seat("1", column)) for column in "ab"]

    with redis_state.unchanged():
        answer = await client.buy(event.seat("1", "b"))

    assert_problem(answer, 409, "zone-full", seats=[{"zoneId": 1, "row": "1", "column": "b"}])
    await client.cancel(tickets[0])
    assert_problem(await client.buy(event.seat("1", "b")), 409, "seat-taken")
    assert (await client.buy(event.seat("1", "a"))).status_code == 201


async def test_an_event_is_full_when_every_seat_of_it_is_sold(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale(zone_body(1, rowCount=1, colCount=1), zone_body(2, rowCount=1, colCount=1))
    await client.bought(event.seat(zoneId=1))
    await client.bought(event.seat(zoneId=2))

    with redis_state.unchanged():
        answer = await client.buy(event.seat(zoneId=1))

    assert_problem(answer, 409, "event-full", seats=[{"zoneId": 1, "row": "1", "column": "a"}])


async def test_a_full_zone_has_room_again_when_it_grows(client: PurchaseClient) -> None:
    event = await client.put_on_sale(zone_body(rowCount=1, colCount=1))
    await client.bought(event.seat())
    assert_problem(await client.buy(event.seat()), 409, "event-full")

    assert (await client.define(event.venue_id, zone_body(rowCount=2, colCount=1))).status_code == 200

    assert_problem(await client.buy(event.seat()), 409, "seat-taken")
    assert (await client.buy(event.seat("2"))).status_code == 201


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/tickets"),
        ("PUT", "/api/v1/tickets"),
        ("POST", "/api/v1/tickets/0198c5d2-7a31-7b2c-8f4e-000000000001"),
        ("PATCH", "/api/v1/venues/Venue1"),
        ("DELETE", "/api/v1/events/Event1"),
    ],
)
async def test_another_method_is_not_allowed(client: PurchaseClient, method: str, path: str) -> None:
    answer = await client.http.request(method, path, headers=ADMIN)

    assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"]


@pytest.mark.parametrize(
    "path",
    ["/", "/api/v1", "/api/v1/ticket", "/api/v2/tickets", "/api/v1/tickets/a/b", "/api/v1/venues/", "/caf%C3%A9"],
)
async def test_another_path_is_not_found(client: PurchaseClient, path: str) -> None:
    answer = await client.http.request("DELETE", path, headers=ADMIN)

    assert_problem(answer, 404, "not-found")
