"""Seats are held all or none, are free from the deadline on, and only their own hold frees them."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from contracts.codec import decode
from contracts.hold import HoldExpired, HoldReleased, SeatsHeld
from contracts.position import Position
from purchase.holds.hold import Hold
from purchase.holds.ledger import Ended, Made, NewHold, NotFree
from purchase.seats.inventory import Sold
from purchase.store import keys
from redis import Redis

from tests.stage.builders import HOLD_MS, PARTITIONS, held_seat, idempotency_key, new_hold, order, zone
from tests.stage.clock import pass_time
from tests.stage.sellers import HOLDS_PER_CUSTOMER, Seller, prepare, selling

PARTITION = keys.partition_of("Gala", PARTITIONS)


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    with Redis.from_url(redis_url) as own:
        yield own


@pytest.fixture
async def seller(redis_url: str) -> AsyncIterator[Seller]:
    """A process with an event of two zones of two rows of three seats on sale."""
    await prepare(redis_url)
    async with selling(redis_url) as own:
        await own.put_on_sale("Gala", zones=(zone(zone_id=1), zone(zone_id=2)))
        yield own


async def made(seller: Seller, wanted: NewHold) -> Hold:
    """Make a hold, which must succeed."""
    outcome = await seller.holds.hold(wanted)
    assert isinstance(outcome, Made), outcome
    return outcome.hold


async def reread(seller: Seller, hold: Hold) -> Hold:
    """Return the hold as it is now."""
    stored = await seller.holds.find(hold.hold_id)
    assert stored is not None
    return stored


def last_message(client: Any) -> Any:
    [(_, fields)] = client.xrevrange(keys.outbox(PARTITION), count=1)
    return decode(fields[b"message"])


async def test_a_hold_is_found_as_it_was_made(seller: Seller, client: Any) -> None:
    hold = await made(seller, new_hold(held_seat(), held_seat(zone_id=2, row=2, price_cents=900), customer_id="ada"))

    stored = await reread(seller, hold)
    assert stored == Hold(**{name: getattr(hold, name) for name in hold.__struct_fields__} | {"epoch": 1})
    assert isinstance(last_message(client), SeatsHeld)


async def test_a_held_seat_is_not_sold_to_another_customer(seller: Seller) -> None:
    await made(seller, new_hold())

    assert await seller.inventory.sell(order()) == "TAKEN"


async def test_a_hold_is_made_wholly_or_not_at_all(seller: Seller, client: Any) -> None:
    await seller.inventory.sell(order(column=2))
    await made(seller, new_hold(held_seat(column=3)))
    before = {name: client.dump(name) for name in client.scan_iter()}

    seats = [held_seat(column=column) for column in (1, 2, 3)]
    outcome = await seller.holds.hold(new_hold(*seats))

    assert outcome == NotFree(None, tuple(seats[1:]))
    assert {name: client.dump(name) for name in client.scan_iter()} == before


async def test_a_seat_can_be_sold_from_the_deadline_of_its_hold_on(seller: Seller, client: Any) -> None:
    hold = await made(seller, new_hold())
    pass_time(client, PARTITION, ms=HOLD_MS)

    assert isinstance(await seller.inventory.sell(order()), Sold)
    assert await seller.holds.end(hold, is_given_up=False) == Ended("EXPIRED", last_position(client))
    assert await seller.inventory.sell(order()) == "TAKEN"


async def test_a_seat_can_be_held_again_from_the_deadline_of_its_hold_on(seller: Seller, client: Any) -> None:
    late = await made(seller, new_hold(held_seat(), held_seat(column=2)))
    pass_time(client, PARTITION, ms=HOLD_MS)
    prompt = await made(seller, new_hold(held_seat(column=2)))

    await seller.holds.end(late, is_given_up=False)

    assert isinstance(await seller.inventory.sell(order()), Sold)
    assert await seller.inventory.sell(order(column=2)) == "TAKEN"
    assert (await reread(seller, prompt)).state == "HELD"


async def test_a_released_hold_leaves_only_its_own_record(seller: Seller, client: Any) -> None:
    before = set(client.scan_iter())
    hold = await made(seller, new_hold(held_seat(), held_seat(zone_id=2), customer_id="ada"))

    assert await seller.holds.end(hold, is_given_up=True) == Ended("RELEASED", last_position(client))

    assert {name.decode() for name in set(client.scan_iter()) - before} == {keys.hold(PARTITION, hold.hold_id.bytes)}
    assert (await reread(seller, hold)).state == "RELEASED"
    assert isinstance(last_message(client), HoldReleased)
    assert 0 < client.ttl(keys.hold(PARTITION, hold.hold_id.bytes)) <= 24 * 60 * 60


async def test_a_hold_ends_once(seller: Seller, client: Any) -> None:
    hold = await made(seller, new_hold())
    await seller.holds.end(hold, is_given_up=True)
    again = await made(seller, new_hold())
    before = {name: client.dump(name) for name in client.scan_iter()}

    assert await seller.holds.end(hold, is_given_up=True) == Ended("RELEASED", last_position(client))
    assert await seller.holds.end(hold, is_given_up=False) == Ended("RELEASED", last_position(client))

    assert {name: client.dump(name) for name in client.scan_iter()} == before
    assert await seller.inventory.sell(order()) == "TAKEN"
    assert (await reread(seller, again)).state == "HELD"


async def test_before_its_deadline_a_hold_ends_only_by_a_release(seller: Seller) -> None:
    hold = await made(seller, new_hold())

    assert await seller.holds.end(hold, is_given_up=False) == "LIVE"
    assert (await reread(seller, hold)).state == "HELD"


async def test_a_call_with_an_older_version_ends_no_hold(seller: Seller, client: Any) -> None:
    hold = await made(seller, new_hold())
    pass_time(client, PARTITION, ms=HOLD_MS)
    client.hset(keys.hold(PARTITION, hold.hold_id.bytes), "version", hold.version + 1)

    assert await seller.holds.end(hold, is_given_up=True) == "STALE"
    assert isinstance(last_message(client), SeatsHeld)
    assert await seller.holds.end(await reread(seller, hold), is_given_up=True) == Ended(
        "EXPIRED", last_position(client)
    )


async def test_a_hold_that_is_released_after_its_deadline_has_expired(seller: Seller, client: Any) -> None:
    hold = await made(seller, new_hold())
    pass_time(client, PARTITION, ms=HOLD_MS)

    assert await seller.holds.end(hold, is_given_up=True) == Ended("EXPIRED", last_position(client))
    assert isinstance(last_message(client), HoldExpired)


async def test_held_seats_count_against_the_limit_of_their_customer(seller: Seller, client: Any) -> None:
    await made(seller, new_hold(held_seat(), held_seat(column=2), customer_id="ada", limit=3))
    two_more = new_hold(held_seat(row=2), held_seat(row=2, column=2), customer_id="ada", limit=3)

    assert await seller.holds.hold(two_more) == "LIMIT"
    assert isinstance(await seller.inventory.sell(order(customer_id="ada", limit=3, row=2)), Sold)
    assert await seller.inventory.sell(order(customer_id="ada", limit=3, row=2, column=2)) == "LIMIT"

    pass_time(client, PARTITION, ms=HOLD_MS)
    assert isinstance(await seller.inventory.sell(order(customer_id="ada", limit=3, row=2, column=2)), Sold)


async def test_the_holds_of_a_customer_are_bounded(seller: Seller, client: Any) -> None:
    for column in range(1, HOLDS_PER_CUSTOMER + 1):
        await made(seller, new_hold(held_seat(column=column), customer_id="ada"))

    assert await seller.holds.hold(new_hold(held_seat(row=2), customer_id="ada")) == "HOLDS"
    await made(seller, new_hold(held_seat(row=2), customer_id="bob"))
    pass_time(client, PARTITION, ms=HOLD_MS)
    await made(seller, new_hold(held_seat(row=2), customer_id="ada"))


async def test_a_repeated_key_returns_the_hold_as_it_was_made(seller: Seller) -> None:
    hold = await made(seller, new_hold(key=idempotency_key("a key")))
    await seller.holds.end(hold, is_given_up=True)

    outcome = await seller.holds.hold(new_hold(key=idempotency_key("a key")))

    assert isinstance(outcome, Made)
    assert (outcome.hold.hold_id, outcome.hold.state, outcome.is_replayed) == (hold.hold_id, "HELD", True)
    other_body = new_hold(key=idempotency_key("a key", "another body"))
    assert await seller.holds.hold(other_body) == "KEY_REUSED"


def last_position(client: Any) -> Position:
    return Position.parse(client.xinfo_stream(keys.outbox(PARTITION))["last-generated-id"].decode())
