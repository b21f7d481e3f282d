"""Two purchase processes on one Redis: a definition through one is valid at the other."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from infra_local.running import RunningServer
from purchase.store import keys
from purchase.store.connection import connect

from tests.stage.builders import event, venue, zone as stored_zone
from tests.stage.crashes import Process
from tests.stage.http_client import Json, Show, Window, open_window, unique, zone
from tests.stage.problems import assert_problem
from tests.stage.processes.purchase import Service, serving
from tests.stage.redis_state import Ledger, partition_of

NOTICED_SECONDS = 2
"""Changes are noticed within one second; the other second is for a busy machine."""

PATIENCE_SECONDS = 20
EVENTS = 80
ROUNDS = 12


@pytest.fixture(scope="module")
def other_process(service: Service) -> Iterator[RunningServer]:
    with serving(service.redis_url) as running:
        yield running


@pytest.fixture
async def other(other_process: RunningServer) -> AsyncIterator[Window]:
    """The calls of a second process on the same Redis."""
    async with open_window(other_process.url) as window:
        yield window


async def within(seconds: float, holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


async def eventually_bought(window: Window, order: Json) -> Json:
    """Buy as soon as the process has noticed a change, and return the ticket."""
    answer: httpx.Response

    async def is_bought() -> bool:
        nonlocal answer
        answer = await window.buy(order)
        return answer.status_code == 201

    await within(NOTICED_SECONDS, is_bought)
    ticket: Json = answer.json()
    return ticket


async def test_an_event_defined_through_one_is_sold_by_the_other(window: Window, other: Window) -> None:
    show = Show(unique("venue"), unique("event"))
    assert_problem(await other.buy(show.seat()), 404, "event-not-found")
    await window.define(show.venue_id)
    await window.schedule(show)

    await eventually_bought(other, show.seat())


async def test_a_new_row_is_sold_by_the_other(window: Window, other: Window) -> None:
    show = await window.stage(zone(rowCount=5))
    assert_problem(await other.buy(show.seat("6")), 422, "seat-out-of-range")

    await window.define(show.venue_id, zone(rowCount=6))

    await eventually_bought(other, show.seat("6"))


async def test_a_new_zone_is_sold_by_the_other(window: Window, other: Window) -> None:
    show = await window.stage()
    assert_problem(await other.buy(show.seat(zoneId=2)), 404, "zone-not-found")

    await window.define(show.venue_id, zone(1), zone(2, ticketPrice=75))

    assert (await eventually_bought(other, show.seat(zoneId=2)))["price"] == 75.0


async def test_sales_opened_early_are_open_at_the_other(window: Window, other: Window) -> None:
    show = await window.stage(salesOpenAt="2999-01-01T00:00:00Z")
    assert_problem(await other.buy(show.seat()), 403, "sales-not-open")

    await window.schedule(show)

    await eventually_bought(other, show.seat())


async def test_closed_sales_are_closed_at_the_other_at_once(window: Window, other: Window) -> None:
    show = await window.stage()
    await other.bought(show.seat("1"))

    await window.schedule(show, salesCloseAt=(datetime.now(UTC) - timedelta(seconds=1)).isoformat())

    assert_problem(await other.buy(show.seat("2")), 403, "sales-closed")


async def test_a_new_price_is_charged_by_the_other_at_once(window: Window, other: Window) -> None:
    show = await window.stage(zone(ticketPrice=25))
    assert (await other.bought(show.seat("1")))["price"] == 25.0

    await window.define(show.venue_id, zone(ticketPrice=30))

    assert (await other.bought(show.seat("2")))["price"] == 30.0


async def test_a_new_limit_binds_the_other_at_once(window: Window, other: Window) -> None:
    show = await window.stage()
    await other.bought(show.seat("1", customerId="Ada"))

    await window.schedule(show, maxSeatsPerCustomer=1)

    assert_problem(await other.buy(show.seat("2")), 400, "invalid-request", field="customerId")
    assert_problem(await other.buy(show.seat("2", customerId="Ada")), 409, "customer-limit")


async def test_removed_seats_are_not_sold_by_the_other(window: Window, other: Window) -> None:
    show = await window.stage(zone(1), zone(2))
    await other.bought(show.seat())

    assert (await window.define(show.venue_id, zone(1, rowCount=4))).status_code == 200

    assert_problem(await other.buy(show.seat("5")), 422, "seat-out-of-range", rowCount=4)
    assert_problem(await other.buy(show.seat(zoneId=2)), 404, "zone-not-found")


async def test_a_seat_sold_by_one_is_taken_at_the_other(window: Window, other: Window) -> None:
    show = await window.stage()
    ticket = await window.bought(show.seat())

    assert_problem(await other.buy(show.seat()), 409, "seat-taken")
    assert (await other.cancel(ticket)).status_code == 200
    assert (await other.buy(show.seat())).status_code == 201


async def test_a_crowd_at_both_buys_each_seat_once(window: Window, other: Window) -> None:
    show = await window.stage()
    seats = [show.seat(str(row), column) for row in range(1, 6) for column in "abcdefgh"]

    answers = await asyncio.gather(*(process.buy(seat) for seat in seats for process in (window, other)))

    sold = [answer.json()["ticketId"] for answer in answers if answer.status_code == 201]
    assert sorted(answer.status_code for answer in answers) == [201] * 40 + [409] * 40
    assert len(set(sold)) == 40


async def test_a_key_sent_to_both_at_once_buys_once(window: Window, other: Window) -> None:
    show, key = await window.stage(), unique("key")

    answers = await asyncio.gather(*(process.buy(show.seat(), key=key) for process in (window, other) for _ in "12345"))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1


async def test_admins_and_buyers_at_both_agree_in_the_end(window: Window, other: Window, ledger: Ledger) -> None:
    chance = random.Random(0)
    show = await window.stage()
    events = [Show(show.venue_id, unique("event")) for _ in range(ROUNDS)]
    shapes = [[zone(1)], [zone(1, rowCount=9)], [zone(1, ticketPrice=30), zone(2)], [zone(2, colCount=9), zone(1)]]
    sold: list[Json] = []

    async def buy(process: Window) -> httpx.Response:
        answer = await process.buy(
            show.seat(str(chance.randint(1, 9)), chance.choice("abcdefghi"), zoneId=chance.randint(1, 2))
        )
        if answer.status_code == 201:
            sold.append(answer.json())
        return answer

    for latest in events:
        answers = await asyncio.gather(
            window.define(show.venue_id, *chance.choice(shapes)),
            other.define(show.venue_id, *chance.choice(shapes)),
            other.schedule(latest),
            window.schedule(show, name=unique("name")),
            *(buy(process) for process in (window, other) for _ in "123"),
        )
        assert not [answer.text for answer in answers if answer.status_code >= 500]
        assert [answer.status_code for answer in answers[2:4]] == [201, 200]

    ledger.assert_settled(show.venue_id, show.event_id, *(event.event_id for event in events))
    zones = {zone.zone_id: zone for zone in ledger.event(show.event_id).zones}
    assert sold
    for ticket in sold:
        assert int(ticket["row"]) <= zones[ticket["zoneId"]].row_count
        assert ord(ticket["column"]) - ord("a") < zones[ticket["zoneId"]].col_count


async def define_many(redis_url: str) -> tuple[str, list[str]]:
    """Define a venue with many events, sorted as a change reaches them."""
    venue_id, event_ids = unique("venue"), sorted(unique("event") for _ in range(EVENTS))
    redis = connect(redis_url)
    definitions = Process(redis).definitions
    await definitions.define_venue(venue(venue_id=venue_id, zones=(stored_zone(zone_id=1), stored_zone(zone_id=2))))
    for event_id in event_ids:
        await definitions.schedule(event(event_id=event_id, venue_id=venue_id))
    await redis.aclose()
    return venue_id, event_ids


async def kill_while_changing(redis_url: str, venue_id: str, *zones: Json, at: Callable[[], Awaitable[bool]]) -> None:
    """Let a process change the venue, and kill it with SIGKILL at this moment."""
    with serving(redis_url) as victim:
        async with open_window(victim.url) as window:
            change = asyncio.create_task(window.define(venue_id, *zones))
            await within(PATIENCE_SECONDS, at)
            victim.kill()
            with pytest.raises(httpx.TransportError):
                await change


async def test_a_retry_finishes_a_change_whose_process_was_killed_while_events_agreed(
    service: Service, window: Window, ledger: Ledger
) -> None:
    venue_id, event_ids = await define_many(service.redis_url)
    middle = event_ids[EVENTS // 2]

    async def half_have_agreed() -> bool:
        return bool(ledger.redis.hexists(keys.event(partition_of(middle), middle), "agreed"))

    await kill_while_changing(service.redis_url, venue_id, zone(1, rowCount=1), at=half_have_agreed)
    assert ledger.is_changing(venue_id)

    answer = await window.define(venue_id, zone(1, rowCount=1))

    assert answer.status_code == 200
    ledger.assert_settled(venue_id, *event_ids)
    assert_problem(await window.buy(Show(venue_id, event_ids[0]).seat("2")), 422, "seat-out-of-range")


async def test_a_new_process_finishes_a_change_whose_process_was_killed_while_events_were_written(
    service: Service, window: Window, ledger: Ledger
) -> None:
    venue_id, event_ids = await define_many(service.redis_url)
    middle = event_ids[EVENTS // 2]

    async def half_are_written() -> bool:
        return len(ledger.event(middle).zones) == 3

    await kill_while_changing(service.redis_url, venue_id, zone(1), zone(2), zone(3), at=half_are_written)
    assert ledger.is_changing(venue_id)

    async def is_finished() -> bool:
        return not ledger.is_changing(venue_id)

    with serving(service.redis_url):
        await within(PATIENCE_SECONDS, is_finished)

    ledger.assert_settled(venue_id, *event_ids)
    assert (await window.buy(Show(venue_id, event_ids[-1]).seat(zoneId=3))).status_code == 201
