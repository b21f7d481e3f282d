"""Idempotency-Key: a purchase is answered again as it was; refusals are not stored."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from contracts.ticket import TicketPurchased
from purchase.store import keys

from tests.stage.http_client import EventOnSale, PurchaseClient, unique, zone_body
from tests.stage.problems import assert_problem
from tests.stage.redis_state import RedisState, partition_of


def assert_replayed(again: httpx.Response, first: httpx.Response) -> None:
    """Check that `again` replays `first`, byte for byte."""
    assert again.status_code == 201
    assert again.headers["idempotent-replayed"] == "true"
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]


def sales(redis_state: RedisState, event: EventOnSale) -> int:
    """Count the sales of this event among the messages."""
    sold = [message for message in redis_state.messages() if isinstance(message, TicketPurchased)]
    return sum(message.data.event_id == event.event_id for message in sold)


async def test_a_purchase_repeated_with_its_key_is_the_same_purchase(
    client: PurchaseClient, redis_state: RedisState
) -> None:
    event, key = await client.put_on_sale(), unique("key")
    first = await client.buy(event.seat(), key=key)

    with redis_state.unchanged():
        again = await client.buy(event.seat(), key=key)

    assert first.status_code == 201
    assert "idempotent-replayed" not in first.headers
    assert_replayed(again, first)


async def test_two_calls_at_once_are_the_same_purchase(client: PurchaseClient, redis_state: RedisState) -> None:
    event, key = await client.put_on_sale(), unique("key")

    answers = await asyncio.gather(*(client.buy(event.seat(), key=key) for _ in range(10)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert sales(redis_state, event) == 1


async def test_a_replay_carries_the_current_position(client: PurchaseClient, redis_state: RedisState) -> None:
    event, key = await client.put_on_sale(), unique("key")
    first = await client.buy(event.seat(), key=key)
    await client.bought(event.seat("2"))

    again = await client.buy(event.seat(), key=key)

    home = partition_of(event.event_id)
    assert again.headers["consistency-token"] == f"{home}:{redis_state.last_position(home)}"
    assert again.headers["consistency-token"] != first.headers["consistency-token"]


async def test_a_purchase_that_was_cancelled_is_answered_as_it_was_sold(
    client: PurchaseClient, redis_state: RedisState
) -> None:
    event, key = await client.put_on_sale(), unique("key")
    first = await client.buy(event.seat(), key=key)
    assert (await client.cancel(first.json())).status_code == 200

    with redis_state.unchanged():
        again = await client.buy(event.seat(), key=key)

    assert_replayed(again, first)
    assert again.json()["status"] == "PAID"


async def test_a_purchase_is_answered_again_when_its_seat_was_resold(
    client: PurchaseClient, redis_state: RedisState
) -> None:
    event, key = await client.put_on_sale(), unique("key")
    first = await client.buy(event.seat(), key=key)
    await client.cancel(first.json())
    await client.bought(event.seat())

    with redis_state.unchanged():
        assert_replayed(await client.buy(event.seat(), key=key), first)


async def test_a_purchase_is_answered_again_when_sales_have_closed(client: PurchaseClient) -> None:
    event, key = await client.put_on_sale(), unique("key")
    first = await client.buy(event.seat(), key=key)
    await client.schedule(event, salesCloseAt=(datetime.now(UTC) - timedelta(hours=1)).isoformat())
    assert_problem(await client.buy(event.seat("2")), 403, "sales-closed")

    assert_replayed(await client.buy(event.seat(), key=key), first)


async def test_a_purchase_is_answered_again_when_the_event_now_requires_a_customer(client: PurchaseClient) -> None:
    event, key = await client.put_on_sale(), unique("key")
    first = await client.buy(event.seat(), key=key)
    await client.schedule(event, maxSeatsPerCustomer=1)
    assert_problem(await client.buy(event.seat("2")), 400, "invalid-request", field="customerId")

    assert_replayed(await client.buy(event.seat(), key=key), first)


async def test_a_purchase_is_answered_again_when_the_customer_has_reached_the_limit(client: PurchaseClient) -> None:
    event, key = await client.put_on_sale(maxSeatsPerCustomer=1), unique("key")
    first = await client.buy(event.seat(customerId="Ada"), key=key)

    assert_replayed(await client.buy(event.seat(customerId="Ada"), key=key), first)


async def test_a_purchase_is_answered_again_when_its_seat_was_removed(client: PurchaseClient) -> None:
    event, key = await client.put_on_sale(zone_body(1), zone_body(2)), unique("key")
    first = await client.buy(event.seat(zoneId=2), key=key)
    await client.cancel(first.json())
    assert (await client.define(event.venue_id, zone_body(1))).status_code == 200
    assert_problem(await client.buy(event.seat(zoneId=2)), 404, "zone-not-found")

    assert_replayed(await client.buy(event.seat(zoneId=2), key=key), first)


async def test_a_purchase_is_answered_again_at_the_price_it_was_made_for(client: PurchaseClient) -> None:
    event, key = await client.put_on_sale(), unique("key")
    first = await client.buy(event.seat(), key=key)
    await client.define(event.venue_id, zone_body(ticketPrice=99))

    assert_replayed(await client.buy(event.seat(), key=key), first)


@pytest.mark.parametrize(
    "other",
    [{"row": "2"}, {"row": "0"}, {"zoneId": 9}, {"venueId": "elsewhere"}, {"customerId": "Ada"}, {"column": "A"}],
    ids=str,
)
async def test_a_reused_key_is_refused_before_any_other_check(
    client: PurchaseClient, redis_state: RedisState, other: dict[str, object]
) -> None:
    event, key = await client.put_on_sale(), unique("key")
    await client.buy(event.seat(), key=key)

    with redis_state.unchanged():
        answer = await client.buy({**event.seat(), **other}, key=key)

    assert_problem(answer, 422, "idempotency-key-reused")


async def test_another_spelling_of_the_body_is_another_body(client: PurchaseClient) -> None:
    event, key = await client.put_on_sale(), unique("key")
    await client.buy(event.seat(), key=key)
    spaced = str(event.seat()).replace("'", '"')

    answer = await client.http.post(
        "/api/v1/tickets", content=spaced, headers={"Content-Type": "application/json", "Idempotency-Key": key}
    )

    assert_problem(answer, 422, "idempotency-key-reused")


async def test_a_refusal_is_not_stored(client: PurchaseClient) -> None:
    event, key = await client.put_on_sale(), unique("key")
    owner = await client.bought(event.seat())
    assert_problem(await client.buy(event.seat(), key=key), 409, "seat-taken")
    await client.cancel(owner)

    answer = await client.buy(event.seat(), key=key)

    assert answer.status_code == 201
    assert "idempotent-replayed" not in answer.headers


async def test_a_key_of_a_refused_purchase_can_be_used_with_another_body(client: PurchaseClient) -> None:
    event, key = await client.put_on_sale(), unique("key")
    await client.bought(event.seat())
    assert_problem(await client.buy(event.seat(), key=key), 409, "seat-taken")

    assert (await client.buy(event.seat("2"), key=key)).status_code == 201


async def test_a_key_is_valid_in_one_partition_only(client: PurchaseClient) -> None:
    event, key = await client.put_on_sale(), unique("key")
    other = await client.put_on_sale()
    while partition_of(other.event_id) == partition_of(event.event_id):
        other = await client.put_on_sale()

    answers = [await client.buy(order, key=key) for order in (event.seat(), other.seat())]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert "idempotent-replayed" not in answers[1].headers


async def test_a_key_is_shared_by_all_events_of_a_partition(client: PurchaseClient) -> None:
    event, key = await client.put_on_sale(), unique("key")
    other = await client.put_on_sale()
    while partition_of(other.event_id) != partition_of(event.event_id):
        other = await client.put_on_sale()
    await client.buy(event.seat(), key=key)

    assert_problem(await client.buy(other.seat(), key=key), 422, "idempotency-key-reused")


async def test_a_key_is_stored_for_a_day(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale()
    before = set(redis_state.redis.scan_iter(match=keys.idempotency(partition_of(event.event_id), "*")))
    await client.buy(event.seat(), key=unique("key"))

    (name,) = set(redis_state.redis.scan_iter(match=keys.idempotency(partition_of(event.event_id), "*"))) - before

    assert 24 * 3600 - 60 < redis_state.redis.ttl(name) <= 24 * 3600


@pytest.mark.parametrize("key", ["!", "~" * 255, "k,k=;\"'{}\\"], ids=["one", "255", "any visible"])
async def test_a_key_can_have_any_visible_ascii_characters(client: PurchaseClient, key: str) -> None:
    event = await client.put_on_sale()

    first = await client.buy(event.seat(), key=key)

    assert first.status_code == 201
    assert_replayed(await client.buy(event.seat(), key=key), first)


@pytest.mark.parametrize(
    "key",
    [b"", b"two words", b"k\xc3\xa9y", b"x" * 256, b"tab\tbed"],
    ids=["empty", "space", "not ASCII", "256", "tab"],
)
async def test_a_malformed_key_is_refused(client: PurchaseClient, redis_state: RedisState, key: bytes) -> None:
    event = await client.put_on_sale()

    with redis_state.unchanged():
        answer = await client.http.post("/api/v1/tickets", json=event.seat(), headers={b"Idempotency-Key": key})

    assert_problem(answer, 400, "invalid-idempotency-key")
