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

from tests.stage.builders import event as stored_event, venue as stored_venue, zone as stored_zone
from tests.stage.http_client import EventOnSale, Json, PurchaseClient, open_client, unique, zone_body
from tests.stage.interleaving import Process
from tests.stage.problems import assert_problem
from tests.stage.processes.purchase import Service, serving
from tests.stage.redis_state import RedisState, partition_of

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
async def other(other_process: RunningServer) -> AsyncIterator[PurchaseClient]:
    """The calls of a second process on the same Redis."""
    async with open_client(other_process.url) as client:
        yield client


async def within(seconds: float, holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


async def eventually_bought(client: PurchaseClient, order: Json) -> Json:
    """Buy as soon as the process has noticed a change, and return the ticket."""
    answer: httpx.Response

    async def is_bought() -> bool:
        nonlocal answer
        answer = await client.buy(order)
        return answer.status_code == 201

    await within(NOTICED_SECONDS, is_bought)
    ticket: Json = answer.json()
    return ticket


async def test_an_event_defined_through_one_is_sold_by_the_other(client: PurchaseClient, other: PurchaseClient) -> None:
    event = EventOnSale(unique("venue"), unique("event"))
    assert_problem(await other.buy(event.seat()), 404, "event-not-found")
    await client.define(event.venue_id)
    await client.schedule(event)

    await eventually_bought(other, event.seat())


async def test_a_new_row_is_sold_by_the_other(client: PurchaseClient, other: PurchaseClient) -> None:
    event = await client.put_on_sale(zone_body(rowCount=5))
    assert_problem(await other.buy(event.seat("6")), 422, "seat-out-of-range")

    await client.define(event.venue_id, zone_body(rowCount=6))

    await eventually_bought(other, event.seat("6"))


async def test_a_new_zone_is_sold_by_the_other(client: PurchaseClient, other: PurchaseClient) -> None:
    event = await client.put_on_sale()
    assert_problem(await other.buy(event.seat(zoneId=2)), 404, "zone-not-found")

    await client.define(event.venue_id, zone_body(1), zone_body(2, ticketPrice=75))

    assert (await eventually_bought(other, event.seat(zoneId=2)))["price"] == 75.0


async def test_sales_opened_early_are_open_at_the_other(client: PurchaseClient, other: PurchaseClient) -> None:
    event = await client.put_on_sale(salesOpenAt="2999-01-01T00:00:00Z")
    assert_problem(await other.buy(event.seat()), 403, "sales-not-open")

    await client.schedule(event)

    await eventually_bought(other, event.seat())


async def test_closed_sales_are_closed_at_the_other_at_once(client: PurchaseClient, other: PurchaseClient) -> None:
    event = await client.put_on_sale()
    await other.bought(event.seat("1"))

    await client.schedule(event, salesCloseAt=(datetime.now(UTC) - timedelta(seconds=1)).isoformat())

    assert_problem(await other.buy(event.seat("2")), 403, "sales-closed")


async def test_a_new_price_is_charged_by_the_other_at_once(client: PurchaseClient, other: PurchaseClient) -> None:
    event = await client.put_on_sale(zone_body(ticketPrice=25))
    assert (await other.bought(event.seat("1")))["price"] == 25.0

    await client.define(event.venue_id, zone_body(ticketPrice=30))

    assert (await other.bought(event.seat("2")))["price"] == 30.0


async def test_a_new_limit_binds_the_other_at_once(client: PurchaseClient, other: PurchaseClient) -> None:
    event = await client.put_on_sale()
    await other.bought(event.seat("1", customerId="Ada"))

    await client.schedule(event, maxSeatsPerCustomer=1)

    assert_problem(await other.buy(event.seat("2")), 400, "invalid-request", field="customerId")
    assert_problem(await other.buy(event.seat("2", customerId="Ada")), 409, "customer-limit")


async def test_removed_seats_are_not_sold_by_the_other(client: PurchaseClient, other: PurchaseClient) -> None:
    event = await client.put_on_sale(zone_body(1), zone_body(2))
    await other.bought(event.seat())

    assert (await client.define(event.venue_id, zone_body(1, rowCount=4))).status_code == 200

    assert_problem(await other.buy(event.seat("5")), 422, "seat-out-of-range", rowCount=4)
    assert_problem(await other.buy(event.seat(zoneId=2)), 404, "zone-not-found")


async def test_a_seat_sold_by_one_is_taken_at_the_other(client: PurchaseClient, other: PurchaseClient) -> None:
    event = await client.put_on_sale()
    ticket = await client.bought(event.seat())

    assert_problem(await other.buy(event.seat()), 409, "seat-taken")
    assert (await other.cancel(ticket)).status_code == 200
    assert (await other.buy(event.seat())).status_code == 201


async def test_a_crowd_at_both_buys_each_seat_once(client: PurchaseClient, other: PurchaseClient) -> None:
    event = await client.put_on_sale()
    seats = [event.seat(str(row), column) for row in range(1, 6) for column in "abcdefgh"]

    answers = await asyncio.gather(*(process.buy(seat) for seat in seats for process in (client, other)))

    sold = [answer.json()["ticketId"] for answer in answers if answer.status_code == 201]
    assert sorted(answer.status_code for answer in answers) == [201] * 40 + [409] * 40
    assert len(set(sold)) == 40


async def test_a_key_sent_to_both_at_once_buys_once(client: PurchaseClient, other: PurchaseClient) -> None:
    event, key = await client.put_on_sale(), unique("key")

    answers = await asyncio.gather(
        *(process.buy(event.seat(), key=key) for process in (client, other) for _ in "12345")
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1


async def test_admins_and_buyers_at_both_agree_in_the_end(
    client: PurchaseClient, other: PurchaseClient, redis_state: RedisState
) -> None:
    chance = random.Random(0)
    event = await client.put_on_sale()
    events = [EventOnSale(event.venue_id, unique("event")) for _ in range(ROUNDS)]
    shapes = [
        [zone_body(1)],
        [zone_body(1, rowCount=9)],
        [zone_body(1, ticketPrice=30), zone_body(2)],
        [zone_body(2, colCount=9), zone_body(1)],
    ]
    sold: list[Json] = []

    async def buy(process: PurchaseClient) -> httpx.Response:
        answer = await process.buy(
            event.seat(str(chance.randint(1, 9)), chance.choice("abcdefghi"), zoneId=chance.randint(1, 2))
        )
        if answer.status_code == 201:
            sold.append(answer.json())
        return answer

    for latest in events:
        answers = await asyncio.gather(
            client.define(event.venue_id, *chance.choice(shapes)),
            other.define(event.venue_id, *chance.choice(shapes)),
            other.schedule(latest),
            client.schedule(event, name=unique("name")),
            *(buy(process) for process in (client, other) for _ in "123"),
        )
        assert not [answer.text for answer in answers if answer.status_code >= 500]
        assert [answer.status_code for answer in answers[2:4]] == [201, 200]

    redis_state.assert_agreement(event.venue_id, event.event_id, *(event.event_id for event in events))
    zones = {zone.zone_id: zone for zone in redis_state.event(event.event_id).zones}
    assert sold
    for ticket in sold:
        assert int(ticket["row"]) <= zones[ticket["zoneId"]].row_count
        assert ord(ticket["column"]) - ord("a") < zones[ticket["zoneId"]].col_count


async def define_many(redis_url: str) -> tuple[str, list[str]]:
    """Define a venue with many events, sorted as a change reaches them."""
    venue_id, event_ids = unique("venue"), sorted(unique("event") for _ in range(EVENTS))
    redis = connect(redis_url)
    definitions = Process(redis).definitions
    await definitions.define_venue(
        stored_venue(venue_id=venue_id, zones=(stored_zone(zone_id=1), stored_zone(zone_id=2)))
    )
    for event_id in event_ids:
        await definitions.schedule(stored_event(event_id=event_id, venue_id=venue_id))
    await redis.aclose()
    return venue_id, event_ids


async def kill_while_changing(redis_url: str, venue_id: str, *zones: Json, at: Callable[[], Awaitable[bool]]) -> None:
    """Let a process change the venue, and kill it with SIGKILL at this moment."""
    with serving(redis_url) as victim:
        async with open_client(victim.url) as client:
            change = asyncio.create_task(client.define(venue_id, *zones))
            await within(PATIENCE_SECONDS, at)
            victim.kill()
            with pytest.raises(httpx.TransportError):
                await change


async def test_a_retry_finishes_a_change_whose_process_was_killed_while_events_agreed(
    service: Service, client: PurchaseClient, redis_state: RedisState
) -> None:
    venue_id, event_ids = await define_many(service.redis_url)
    middle = event_ids[EVENTS // 2]

    async def half_have_agreed() -> bool:
        return bool(redis_state.redis.hexists(keys.event(partition_of(middle), middle), "agreed"))

    await kill_while_changing(service.redis_url, venue_id, zone_body(1, rowCount=1), at=half_have_agreed)
    assert redis_state.is_changing(venue_id)

    answer = await client.define(venue_id, zone_body(1, rowCount=1))

    assert answer.status_code == 200
    redis_state.assert_agreement(venue_id, *event_ids)
    assert_problem(await client.buy(EventOnSale(venue_id, event_ids[0]).seat("2")), 422, "seat-out-of-range")


async def test_a_new_process_finishes_a_change_whose_process_was_killed_while_events_were_written(
    service: Service, client: PurchaseClient, redis_state: RedisState
) -> None:
    venue_id, event_ids = await define_many(service.redis_url)
    middle = event_ids[EVENTS // 2]

    async def half_are_written() -> bool:
        return len(redis_state.event(middle).zones) == 3

    await kill_while_changing(
        service.redis_url, venue_id, zone_body(1), zone_body(2), zone_body(3), at=half_are_written
    )
    assert redis_state.is_changing(venue_id)

    async def is_finished() -> bool:
        return not redis_state.is_changing(venue_id)

    with serving(service.redis_url):
        await within(PATIENCE_SECONDS, is_finished)

    redis_state.assert_agreement(venue_id, *event_ids)
    assert (await client.buy(EventOnSale(venue_id, event_ids[-1]).seat(zoneId=3))).status_code == 201
