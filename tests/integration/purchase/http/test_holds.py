"""Holding seats: the answer, the messages, and the end of a hold."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from contracts.hold import FreedSeat, Held, HeldSeat, HoldEnd, HoldExpired, HoldReleased, SeatsHeld
from contracts.timestamp import decode_timestamp
from infra_local.running import RunningServer
from purchase.store import keys

from tests.stage.builders import hold as hold_of
from tests.stage.http_client import Json, PurchaseClient, open_client, unique, zone_body
from tests.stage.polling import until
from tests.stage.problems import assert_problem
from tests.stage.processes.purchase import Service, serving
from tests.stage.redis_state import RedisState, partition_of


@pytest.fixture(scope="module")
def hasty(service: Service) -> Iterator[RunningServer]:
    """A second process, which holds seats for one second."""
    with serving(service.redis_url, HOLD_SECONDS="1") as running:
        yield running


@pytest.fixture
async def hasty_client(hasty: RunningServer) -> AsyncIterator[PurchaseClient]:
    """A client of the process that holds seats for one second."""
    async with open_client(hasty.url) as client:
        yield client


def reference_of(hold: Json) -> str:
    """Return the hold's name for others."""
    return hold_of(hold_id=UUID(hold["holdId"])).reference


async def status_of(client: PurchaseClient, hold: Json) -> str:
    status: str = (await client.get_hold(hold)).json()["status"]
    return status


async def test_seats_are_held_at_their_prices(client: PurchaseClient) -> None:
    event = await client.put_on_sale(zone_body(1), zone_body(7, ticketPrice=19.99, rowCount=10))
    seats = [{"zoneId": 7, "row": "b", "column": "10"}, {"zoneId": 1, "row": "1", "column": "A"}]

    answer = await client.hold(event.hold(seats=seats))

    hold = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/holds/{hold['holdId']}"
    assert hold == {
        "holdId": hold["holdId"],
        "eventId": event.event_id,
        "seats": [
            {"zoneId": 7, "row": "10", "column": "b", "price": 19.99},
            {"zoneId": 1, "row": "1", "column": "a", "price": 25.0},
        ],
        "amount": 44.99,
        "currency": "USD",
        "expiresAt": hold["expiresAt"],
        "status": "HELD",
    }
    left = decode_timestamp(hold["expiresAt"]) - datetime.now(UTC)
    assert timedelta(seconds=110) < left <= timedelta(seconds=121)


async def test_the_message_does_not_contain_the_hold_s_id(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale()

    answer = await client.hold(event.hold("2c", "2d", customerId="Ada"))

    hold = answer.json()
    (message,) = redis_state.hold_messages(event.event_id, reference_of(hold))
    assert isinstance(message, SeatsHeld)
    assert answer.headers["consistency-token"] == f"{message.partition}:{message.position}"
    assert message.partition == partition_of(event.event_id)
    assert message.generation is None
    assert message.data == Held(
        hold=reference_of(hold),
        event_id=event.event_id,
        seats=[HeldSeat(zone_id=1, row="2", column=column, price_cents=2_500) for column in "cd"],
        expires_at=hold["expiresAt"],
    )
    assert hold["holdId"] not in str(message)
    assert "Ada" not in str(message)


async def test_the_best_of_a_zone_are_held_side_by_side(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale()
    await client.bought(event.seat("1", "d"))

    hold = await client.held(event.best(3))

    assert [seat["row"] + seat["column"] for seat in hold["seats"]] == ["1a", "1b", "1c"]
    (message,) = redis_state.hold_messages(event.event_id, reference_of(hold))
    assert isinstance(message, SeatsHeld)
    assert [seat.row + seat.column for seat in message.data.seats] == ["1a", "1b", "1c"]


async def test_a_hold_is_found_by_its_id(client: PurchaseClient) -> None:
    event = await client.put_on_sale()
    hold = await client.held(event.hold())

    answer = await client.get_hold(hold)

    assert answer.status_code == 200
    assert answer.json() == hold


async def test_a_released_hold_frees_its_seats(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale()
    hold = await client.held(event.hold("1a", "1b"))
    assert_problem(await client.buy(event.seat()), 409, "seat-taken")

    answer = await client.release(hold)

    _, message = redis_state.hold_messages(event.event_id, reference_of(hold))
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["consistency-token"] == f"{message.partition}:{message.position}"
    assert isinstance(message, HoldReleased)
    seats = [FreedSeat(zone_id=1, row="1", column=column) for column in "ab"]
    assert message.data == HoldEnd(hold=reference_of(hold), event_id=event.event_id, seats=seats)
    assert await status_of(client, hold) == "RELEASED"
    await client.bought(event.seat())


async def test_a_repeated_release_is_answered_the_same(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale()
    hold = await client.held(event.hold())
    first = await client.release(hold)
    await client.bought(event.seat())

    with redis_state.unchanged():
        again = await client.release(hold)

    assert again.status_code == first.status_code == 204
    home = partition_of(event.event_id)
    assert again.headers["consistency-token"] == f"{home}:{redis_state.last_position(home)}"


async def test_an_unpaid_hold_expires_by_itself(hasty_client: PurchaseClient, redis_state: RedisState) -> None:
    event = await hasty_client.put_on_sale()
    hold = await hasty_client.held(event.hold())

    def messages() -> list[object]:
        return [type(message) for message in redis_state.hold_messages(event.event_id, reference_of(hold))]

    await until(lambda: len(messages()) == 2)

    assert messages() == [SeatsHeld, HoldExpired]
    assert await status_of(hasty_client, hold) == "EXPIRED"
    assert (await hasty_client.release(hold)).status_code == 204
    await hasty_client.bought(event.seat())


async def test_a_hold_is_expired_from_its_deadline_on_before_a_process_ends_it(
    client: PurchaseClient, redis_state: RedisState
) -> None:
    event = await client.put_on_sale()
    hold = await client.held(event.hold())
    home = partition_of(event.event_id)
    redis_state.redis.hset(keys.hold(home, UUID(hold["holdId"]).bytes), "deadline", 1)

    assert await status_of(client, hold) == "EXPIRED"
    assert redis_state.redis.hget(keys.hold(home, UUID(hold["holdId"]).bytes), "state") == b"HELD"


async def test_one_of_many_customers_holds_the_same_seats(client: PurchaseClient) -> None:
    event = await client.put_on_sale()

    answers = await asyncio.gather(*(client.hold(event.hold("1a", "1b", "1c")) for _ in range(10)))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9


async def test_many_customers_get_different_best_seats_at_once(client: PurchaseClient) -> None:
    event = await client.put_on_sale()

    holds = await asyncio.gather(*(client.held(event.best(4)) for _ in range(10)))

    seats = [(seat["row"], seat["column"]) for hold in holds for seat in hold["seats"]]
    assert len(seats) == len(set(seats)) == 40
    assert_problem(await client.hold(event.best(1)), 409, "seat-taken", zoneId=1, available=0)


async def test_a_hold_repeated_with_its_key_is_the_same_hold(client: PurchaseClient, redis_state: RedisState) -> None:
    event, key = await client.put_on_sale(), unique("key")
    for order in (event.hold("1a", "1b"), event.best(2)):
        name = f"{key}-{len(order)}"
        first = await client.hold(order, key=name)

        with redis_state.unchanged():
            again = await client.hold(order, key=name)

        assert (first.status_code, again.status_code) == (201, 201)
        assert "idempotent-replayed" not in first.headers
        assert again.headers["idempotent-replayed"] == "true"
        assert again.content == first.content


async def test_a_hold_repeated_with_its_key_is_answered_as_it_was_made_even_after_its_end(
    client: PurchaseClient,
) -> None:
    event, key = await client.put_on_sale(), unique("key")
    first = await client.hold(event.hold(), key=key)
    await client.release(first.json())

    again = await client.hold(event.hold(), key=key)

    assert again.content == first.content


async def test_a_key_with_another_body_is_refused_before_any_other_fault(
    client: PurchaseClient, redis_state: RedisState
) -> None:
    event, key = await client.put_on_sale(), unique("key")
    await client.hold(event.hold(), key=key)

    with redis_state.unchanged():
        for order in (event.hold("1b"), event.best(1), event.hold("0a"), event.hold("9a"), event.best(11)):
            assert_problem(await client.hold(order, key=key), 422, "idempotency-key-reused")


async def test_a_key_of_a_hold_is_no_key_of_a_purchase(client: PurchaseClient) -> None:
    event, key = await client.put_on_sale(), unique("key")

    assert (await client.hold(event.hold("1a"), key=key)).status_code == 201
    assert (await client.buy(event.seat("1", "b"), key=key)).status_code == 201


async def test_held_seats_are_in_use_until_their_deadline(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale()
    hold = await client.held(event.hold("5h"))

    answer = await client.define(event.venue_id, zone_body(rowCount=4))
    seat = {"eventId": event.event_id, "zoneId": 1, "row": "5", "column": "h"}
    assert_problem(answer, 409, "seats-in-use", seats=[seat])

    home = partition_of(event.event_id)
    row = keys.row(home, event.event_id, 1, 5)
    record: bytes = redis_state.redis.hget(row, "8")
    redis_state.redis.hset(row, "8", record[:-8] + (1).to_bytes(8))
    assert (await client.define(event.venue_id, zone_body(rowCount=4))).status_code == 200
    assert (await client.release(hold)).status_code == 204


async def test_nothing_secret_is_in_the_log(
    hasty: RunningServer, hasty_client: PurchaseClient, redis_state: RedisState
) -> None:
    event = await hasty_client.put_on_sale()
    hold = await hasty_client.held(event.hold(customerId="Ada Lovelace"))
    await hasty_client.get_hold(hold)
    await hasty_client.release(hold)
    again = await hasty_client.held(event.hold(customerId="Ada Lovelace"))
    await until(lambda: len(redis_state.hold_messages(event.event_id, reference_of(again))) == 2)

    log = (hasty.server.directory / "server.log").read_text()
    assert not any(secret in log for secret in (hold["holdId"], again["holdId"], "Ada Lovelace"))
