"""Idempotency-Key: a purchase is answered again as it was; refusals are not stored."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from contracts.ticket import TicketPurchased
from purchase.store import keys

from tests.stage.http_client import Show, Window, unique, zone
from tests.stage.problems import assert_problem
from tests.stage.redis_state import Ledger, partition_of


def assert_replayed(again: httpx.Response, first: httpx.Response) -> None:
    """Check that `again` replays `first`, byte for byte."""
    assert again.status_code == 201
    assert again.headers["idempotent-replayed"] == "true"
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]


def sales(ledger: Ledger, show: Show) -> int:
    """Count the sales of this show among the messages."""
    sold = [message for message in ledger.messages() if isinstance(message, TicketPurchased)]
    return sum(message.data.event_id == show.event_id for message in sold)


async def test_a_purchase_repeated_with_its_key_is_the_same_purchase(window: Window, ledger: Ledger) -> None:
    show, key = await window.stage(), unique("key")
    first = await window.buy(show.seat(), key=key)

    with ledger.unchanged():
        again = await window.buy(show.seat(), key=key)

    assert first.status_code == 201
    assert "idempotent-replayed" not in first.headers
    assert_replayed(again, first)


async def test_two_calls_at_once_are_the_same_purchase(window: Window, ledger: Ledger) -> None:
    show, key = await window.stage(), unique("key")

    answers = await asyncio.gather(*(window.buy(show.seat(), key=key) for _ in range(10)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert sales(ledger, show) == 1


async def test_a_replay_carries_the_current_position(window: Window, ledger: Ledger) -> None:
    show, key = await window.stage(), unique("key")
    first = await window.buy(show.seat(), key=key)
    await window.bought(show.seat("2"))

    again = await window.buy(show.seat(), key=key)

    home = partition_of(show.event_id)
    assert again.headers["consistency-token"] == f"{home}:{ledger.last_position(home)}"
    assert again.headers["consistency-token"] != first.headers["consistency-token"]


async def test_a_purchase_that_was_cancelled_is_answered_as_it_was_sold(window: Window, ledger: Ledger) -> None:
    show, key = await window.stage(), unique("key")
    first = await window.buy(show.seat(), key=key)
    assert (await window.cancel(first.json())).status_code == 200

    with ledger.unchanged():
        again = await window.buy(show.seat(), key=key)

    assert_replayed(again, first)
    assert again.json()["status"] == "PAID"


async def test_a_purchase_is_answered_again_when_its_seat_was_resold(window: Window, ledger: Ledger) -> None:
    show, key = await window.stage(), unique("key")
    first = await window.buy(show.seat(), key=key)
    await window.cancel(first.json())
    await window.bought(show.seat())

    with ledger.unchanged():
        assert_replayed(await window.buy(show.seat(), key=key), first)


async def test_a_purchase_is_answered_again_when_sales_have_closed(window: Window) -> None:
    show, key = await window.stage(), unique("key")
    first = await window.buy(show.seat(), key=key)
    await window.schedule(show, salesCloseAt=(datetime.now(UTC) - timedelta(hours=1)).isoformat())
    assert_problem(await window.buy(show.seat("2")), 403, "sales-closed")

    assert_replayed(await window.buy(show.seat(), key=key), first)


async def test_a_purchase_is_answered_again_when_the_event_now_requires_a_customer(window: Window) -> None:
    show, key = await window.stage(), unique("key")
    first = await window.buy(show.seat(), key=key)
    await window.schedule(show, maxSeatsPerCustomer=1)
    assert_problem(await window.buy(show.seat("2")), 400, "invalid-request", field="customerId")

    assert_replayed(await window.buy(show.seat(), key=key), first)


async def test_a_purchase_is_answered_again_when_the_customer_has_reached_the_limit(window: Window) -> None:
    show, key = await window.stage(maxSeatsPerCustomer=1), unique("key")
    first = await window.buy(show.seat(customerId="Ada"), key=key)

    assert_replayed(await window.buy(show.seat(customerId="Ada"), key=key), first)


async def test_a_purchase_is_answered_again_when_its_seat_was_removed(window: Window) -> None:
    show, key = await window.stage(zone(1), zone(2)), unique("key")
    first = await window.buy(show.seat(zoneId=2), key=key)
    await window.cancel(first.json())
    assert (await window.define(show.venue_id, zone(1))).status_code == 200
    assert_problem(await window.buy(show.seat(zoneId=2)), 404, "zone-not-found")

    assert_replayed(await window.buy(show.seat(zoneId=2), key=key), first)


async def test_a_purchase_is_answered_again_at_the_price_it_was_made_for(window: Window) -> None:
    show, key = await window.stage(), unique("key")
    first = await window.buy(show.seat(), key=key)
    await window.define(show.venue_id, zone(ticketPrice=99))

    assert_replayed(await window.buy(show.seat(), key=key), first)


@pytest.mark.parametrize(
    "other",
    [{"row": "2"}, {"row": "0"}, {"zoneId": 9}, {"venueId": "elsewhere"}, {"customerId": "Ada"}, {"column": "A"}],
    ids=str,
)
async def test_a_reused_key_is_refused_before_any_other_check(
    window: Window, ledger: Ledger, other: dict[str, object]
) -> None:
    show, key = await window.stage(), unique("key")
    await window.buy(show.seat(), key=key)

    with ledger.unchanged():
        answer = await window.buy({**show.seat(), **other}, key=key)

    assert_problem(answer, 422, "idempotency-key-reused")


async def test_another_spelling_of_the_body_is_another_body(window: Window) -> None:
    show, key = await window.stage(), unique("key")
    await window.buy(show.seat(), key=key)
    spaced = str(show.seat()).replace("'", '"')

    answer = await window.http.post(
        "/api/v1/tickets", content=spaced, headers={"Content-Type": "application/json", "Idempotency-Key": key}
    )

    assert_problem(answer, 422, "idempotency-key-reused")


async def test_a_refusal_is_not_stored(window: Window) -> None:
    show, key = await window.stage(), unique("key")
    owner = await window.bought(show.seat())
    assert_problem(await window.buy(show.seat(), key=key), 409, "seat-taken")
    await window.cancel(owner)

    answer = await window.buy(show.seat(), key=key)

    assert answer.status_code == 201
    assert "idempotent-replayed" not in answer.headers


async def test_a_key_of_a_refused_purchase_can_be_used_with_another_body(window: Window) -> None:
    show, key = await window.stage(), unique("key")
    await window.bought(show.seat())
    assert_problem(await window.buy(show.seat(), key=key), 409, "seat-taken")

    assert (await window.buy(show.seat("2"), key=key)).status_code == 201


async def test_a_key_is_valid_in_one_partition_only(window: Window) -> None:
    show, key = await window.stage(), unique("key")
    other = await window.stage()
    while partition_of(other.event_id) == partition_of(show.event_id):
        other = await window.stage()

    answers = [await window.buy(order, key=key) for order in (show.seat(), other.seat())]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert "idempotent-replayed" not in answers[1].headers


async def test_a_key_is_shared_by_all_events_of_a_partition(window: Window) -> None:
    show, key = await window.stage(), unique("key")
    other = await window.stage()
    while partition_of(other.event_id) != partition_of(show.event_id):
        other = await window.stage()
    await window.buy(show.seat(), key=key)

    assert_problem(await window.buy(other.seat(), key=key), 422, "idempotency-key-reused")


async def test_a_key_is_stored_for_a_day(window: Window, ledger: Ledger) -> None:
    show = await window.stage()
    before = set(ledger.redis.scan_iter(match=keys.idempotency(partition_of(show.event_id), "*")))
    await window.buy(show.seat(), key=unique("key"))

    (name,) = set(ledger.redis.scan_iter(match=keys.idempotency(partition_of(show.event_id), "*"))) - before

    assert 24 * 3600 - 60 < ledger.redis.ttl(name) <= 24 * 3600


@pytest.mark.parametrize("key", ["!", "~" * 255, "k,k=;\"'{}\\"], ids=["one", "255", "any visible"])
async def test_a_key_can_have_any_visible_ascii_characters(window: Window, key: str) -> None:
    show = await window.stage()

    first = await window.buy(show.seat(), key=key)

    assert first.status_code == 201
    assert_replayed(await window.buy(show.seat(), key=key), first)


@pytest.mark.parametrize(
    "key",
    [b"", b"two words", b"k\xc3\xa9y", b"x" * 256, b"tab\tbed"],
    ids=["empty", "space", "not ASCII", "256", "tab"],
)
async def test_a_malformed_key_is_refused(window: Window, ledger: Ledger, key: bytes) -> None:
    show = await window.stage()

    with ledger.unchanged():
        answer = await window.http.post("/api/v1/tickets", json=show.seat(), headers={b"Idempotency-Key": key})

    assert_problem(answer, 400, "invalid-idempotency-key")
