"""Every refusal of a purchase, provoked by its real cause; each changes nothing."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta, timezone

import httpx
import pytest
from infra_local.running import RunningServer

from tests.stage.http_client import ADMIN, Show, Window, open_window, zone
from tests.stage.problems import assert_problem
from tests.stage.processes.purchase import Service, serving
from tests.stage.redis_state import Ledger

BODY_BYTES_MAX = 64 * 1024
JSON_TYPE = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def without_direct_sales(service: Service) -> Iterator[RunningServer]:
    """A second process, without direct sales."""
    with serving(service.redis_url, DIRECT_SALES="false") as running:
        yield running


@pytest.fixture
async def other_window(without_direct_sales: RunningServer) -> AsyncIterator[Window]:
    """The calls of the process without direct sales."""
    async with open_window(without_direct_sales.url) as window:
        yield window


async def post(window: Window, content: bytes, headers: dict[str, str] = JSON_TYPE) -> httpx.Response:
    return await window.http.post("/api/v1/tickets", content=content, headers=headers)


def sized(show: Show, size: int) -> bytes:
    """Return a valid order of this many bytes."""
    return json.dumps(show.seat()).encode().ljust(size)


def hours_from_now(hours: int) -> datetime:
    """Return a full second, for which an encoder might omit the fraction."""
    return datetime.now(UTC).replace(microsecond=0) + timedelta(hours=hours)


async def test_a_body_of_64_kib_is_accepted(window: Window) -> None:
    show = await window.stage()

    assert (await post(window, sized(show, BODY_BYTES_MAX))).status_code == 201


async def test_a_larger_body_is_too_large(window: Window, ledger: Ledger) -> None:
    show = await window.stage()

    with ledger.unchanged():
        answer = await post(window, sized(show, BODY_BYTES_MAX + 1))

    assert_problem(answer, 413, "too-large")


async def test_a_larger_body_of_unknown_length_is_too_large(window: Window, ledger: Ledger) -> None:
    show = await window.stage()

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(9):
            yield sized(show, BODY_BYTES_MAX // 8)

    with ledger.unchanged():
        answer = await window.http.post("/api/v1/tickets", content=pieces(), headers=JSON_TYPE)

    assert_problem(answer, 413, "too-large")


@pytest.mark.parametrize(
    "headers",
    [{}, {"Content-Type": ""}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}],
    ids=str,
)
async def test_a_body_of_another_media_type_is_refused(window: Window, ledger: Ledger, headers: dict[str, str]) -> None:
    show = await window.stage()

    with ledger.unchanged():
        answer = await post(window, sized(show, 200), headers)

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
async def test_a_body_that_is_not_json_is_an_invalid_request(window: Window, ledger: Ledger, content: bytes) -> None:
    with ledger.unchanged():
        answer = await post(window, content)

    assert_problem(answer, 400, "invalid-request", field="$")


@pytest.mark.parametrize("content", [b"[]", b"null", b'"seat"', b"1"])
async def test_json_that_is_not_an_object_is_an_invalid_request(window: Window, content: bytes) -> None:
    assert_problem(await post(window, content), 400, "invalid-request", field="$")


@pytest.mark.parametrize("field", ["venueId", "eventId", "zoneId", "row", "column"])
async def test_a_missing_field_is_named(window: Window, ledger: Ledger, field: str) -> None:
    show = await window.stage()

    with ledger.unchanged():
        answer = await window.buy({name: value for name, value in show.seat().items() if name != field})

    assert_problem(answer, 400, "invalid-request", field=field)


@pytest.mark.parametrize("field", ["seat", "Row", "row ", "zone_id", "price", "status"])
async def test_an_unknown_field_is_named(window: Window, ledger: Ledger, field: str) -> None:
    show = await window.stage()

    with ledger.unchanged():
        answer = await window.buy({**show.seat(), field: "1"})

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
async def test_the_field_of_a_wrong_value_is_named(window: Window, ledger: Ledger, field: str, value: object) -> None:
    show = await window.stage()

    with ledger.unchanged():
        answer = await window.buy({**show.seat(), field: value})

    assert_problem(answer, 400, "invalid-request", field=field)


@pytest.mark.parametrize("field", ["venueId", "eventId"])
@pytest.mark.parametrize("name", ["", "x" * 65, "a b", "é", "a/b", "a:b", "a{1}", "a\n", "a\x00"], ids=repr)
async def test_a_malformed_id_is_an_invalid_request(window: Window, ledger: Ledger, field: str, name: str) -> None:
    show = await window.stage()

    with ledger.unchanged():
        answer = await window.buy({**show.seat(), field: name})

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
async def test_a_malformed_seat_label_is_refused(window: Window, ledger: Ledger, row: str, column: str) -> None:
    show = await window.stage()

    with ledger.unchanged():
        answer = await window.buy(show.seat(row, column))

    assert_problem(answer, 422, "invalid-seat-label", row=row, column=column)


async def test_an_undefined_event_is_not_found(window: Window, ledger: Ledger) -> None:
    show = await window.stage()

    with ledger.unchanged():
        answer = await window.buy(show.seat(eventId="Atlantis.~-_1"))

    assert_problem(answer, 404, "event-not-found", eventId="Atlantis.~-_1")


async def test_ids_are_case_sensitive(window: Window) -> None:
    show = await window.stage()

    assert_problem(await window.buy(show.seat(eventId=show.event_id.upper())), 404, "event-not-found")
    assert_problem(await window.buy(show.seat(venueId=show.venue_id.upper())), 409, "venue-mismatch")


async def test_an_event_is_not_at_another_venue(window: Window, ledger: Ledger) -> None:
    show, other = await window.stage(), await window.stage()

    with ledger.unchanged():
        answer = await window.buy(show.seat(venueId=other.venue_id))

    assert_problem(answer, 409, "venue-mismatch", venueId=show.venue_id)


async def test_a_zone_that_the_event_does_not_have_is_not_found(window: Window, ledger: Ledger) -> None:
    show = await window.stage(zone(1), zone(3))

    with ledger.unchanged():
        answer = await window.buy(show.seat(zoneId=2))

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
async def test_a_seat_outside_the_zone_touches_no_other(window: Window, ledger: Ledger, row: str, column: str) -> None:
    show = await window.stage(zone(1, rowCount=5, colCount=8), zone(2, rowCount=100, colCount=100))

    with ledger.unchanged():
        answer = await window.buy(show.seat(row, column))

    assert_problem(answer, 422, "seat-out-of-range", zoneId=1, rowCount=5, colCount=8)


async def test_direct_sales_can_be_switched_off(other_window: Window, ledger: Ledger) -> None:
    show = await other_window.stage()

    with ledger.unchanged():
        answer = await other_window.buy(show.seat())

    assert_problem(answer, 403, "direct-sales-off")


async def test_direct_sales_are_checked_after_the_seat_and_before_the_sales_window(other_window: Window) -> None:
    show = await other_window.stage(salesCloseAt=hours_from_now(-1).isoformat(), maxSeatsPerCustomer=1)

    assert_problem(await other_window.buy(show.seat("6")), 422, "seat-out-of-range")
    assert_problem(await other_window.buy(show.seat()), 403, "direct-sales-off")


async def test_before_sales_open_nothing_is_sold(window: Window, ledger: Ledger) -> None:
    opens = hours_from_now(1)
    show = await window.stage(salesOpenAt=opens.astimezone(timezone(timedelta(hours=-7))).isoformat())

    with ledger.unchanged():
        answer = await window.buy(show.seat())

    open_at = opens.isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert_problem(answer, 403, "sales-not-open", salesOpenAt=open_at)


async def test_after_sales_closed_nothing_is_sold(window: Window, ledger: Ledger) -> None:
    closed = hours_from_now(-1)
    show = await window.stage(salesCloseAt=closed.isoformat())

    with ledger.unchanged():
        answer = await window.buy(show.seat())

    close_at = closed.isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert_problem(answer, 403, "sales-closed", salesCloseAt=close_at)


async def test_seats_are_sold_while_sales_are_open(window: Window) -> None:
    show = await window.stage(salesOpenAt=hours_from_now(-1).isoformat(), salesCloseAt=hours_from_now(1).isoformat())

    assert (await window.buy(show.seat())).status_code == 201


async def test_sales_open_by_themselves_at_their_time(window: Window) -> None:
    show = await window.stage(salesOpenAt=(datetime.now(UTC) + timedelta(seconds=1.5)).isoformat())
    assert_problem(await window.buy(show.seat()), 403, "sales-not-open")

    deadline = time.monotonic() + 10
    while (answer := await window.buy(show.seat())).status_code == 403:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)

    assert answer.status_code == 201


async def test_an_event_with_a_limit_requires_a_customer(window: Window, ledger: Ledger) -> None:
    show = await window.stage(maxSeatsPerCustomer=2)

    with ledger.unchanged():
        answer = await window.buy(show.seat())

    assert_problem(answer, 400, "invalid-request", field="customerId")


async def test_a_customer_gets_no_more_seats_than_the_event_allows(window: Window, ledger: Ledger) -> None:
    show = await window.stage(zone(1), zone(2), maxSeatsPerCustomer=2)
    await window.bought(show.seat("1", customerId="Ada"))
    await window.bought(show.seat("2", customerId="Ada", zoneId=2))

    with ledger.unchanged():
        answer = await window.buy(show.seat("3", customerId="Ada"))

    assert_problem(answer, 409, "customer-limit", maxSeatsPerCustomer=2)
    assert (await window.buy(show.seat("3", customerId="Bob"))).status_code == 201


async def test_a_customer_who_buys_all_seats_at_once_gets_no_more(window: Window) -> None:
    show = await window.stage(maxSeatsPerCustomer=3)
    orders = [show.seat(str(row), column, customerId="Ada") for row in range(1, 6) for column in "abcdefgh"]

    answers = await asyncio.gather(*(window.buy(order) for order in orders))

    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 37


async def test_the_limit_applies_to_each_event_separately(window: Window) -> None:
    shows = [await window.stage(maxSeatsPerCustomer=1) for _ in range(2)]

    answers = [await window.buy(show.seat(customerId="Ada")) for show in shows]

    assert [answer.status_code for answer in answers] == [201, 201]


async def test_seats_bought_before_there_was_a_limit_count(window: Window) -> None:
    show = await window.stage()
    await window.bought(show.seat("1", customerId="Ada"))
    await window.schedule(show, maxSeatsPerCustomer=1)

    assert_problem(await window.buy(show.seat("2", customerId="Ada")), 409, "customer-limit")


async def test_a_seat_that_is_sold_is_taken(window: Window, ledger: Ledger) -> None:
    show = await window.stage()
    await window.bought(show.seat("2", "b"))

    with ledger.unchanged():
        answer = await window.buy(show.seat("B", "2"))

    assert_problem(answer, 409, "seat-taken", seats=[{"zoneId": 1, "row": "2", "column": "b"}])


async def test_a_zone_is_full_when_every_seat_of_it_is_sold(window: Window, ledger: Ledger) -> None:
    show = await window.stage(zone(1, rowCount=1, colCount=2), zone(2))
    tickets = [await window.bought(show.seat("1", column)) for column in "ab"]

    with ledger.unchanged():
        answer = await window.buy(show.seat("1", "b"))

    assert_problem(answer, 409, "zone-full", seats=[{"zoneId": 1, "row": "1", "column": "b"}])
    await window.cancel(tickets[0])
    assert_problem(await window.buy(show.seat("1", "b")), 409, "seat-taken")
    assert (await window.buy(show.seat("1", "a"))).status_code == 201


async def test_an_event_is_full_when_every_seat_of_it_is_sold(window: Window, ledger: Ledger) -> None:
    show = await window.stage(zone(1, rowCount=1, colCount=1), zone(2, rowCount=1, colCount=1))
    await window.bought(show.seat(zoneId=1))
    await window.bought(show.seat(zoneId=2))

    with ledger.unchanged():
        answer = await window.buy(show.seat(zoneId=1))

    assert_problem(answer, 409, "event-full", seats=[{"zoneId": 1, "row": "1", "column": "a"}])


async def test_a_full_zone_has_room_again_when_it_grows(window: Window) -> None:
    show = await window.stage(zone(rowCount=1, colCount=1))
    await window.bought(show.seat())
    assert_problem(await window.buy(show.seat()), 409, "event-full")

    assert (await window.define(show.venue_id, zone(rowCount=2, colCount=1))).status_code == 200

    assert_problem(await window.buy(show.seat()), 409, "seat-taken")
    assert (await window.buy(show.seat("2"))).status_code == 201


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
async def test_another_method_is_not_allowed(window: Window, method: str, path: str) -> None:
    answer = await window.http.request(method, path, headers=ADMIN)

    assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"]


@pytest.mark.parametrize(
    "path",
    ["/", "/api/v1", "/api/v1/ticket", "/api/v2/tickets", "/api/v1/tickets/a/b", "/api/v1/venues/", "/caf%C3%A9"],
)
async def test_another_path_is_not_found(window: Window, path: str) -> None:
    answer = await window.http.request("DELETE", path, headers=ADMIN)

    assert_problem(answer, 404, "not-found")
