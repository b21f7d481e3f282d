"""A hold whose answer was lost is repeated: it is made, published and ended once."""

from collections.abc import AsyncIterator

import pytest
from contracts.position import Position
from infra_local.running import RunningServer
from purchase.holds.ledger import Ended, Made, NewHold
from purchase.store import keys
from purchase.store.connection import OutcomeUnknown
from redis import Redis

from tests.stage.builders import PARTITIONS, best_hold, idempotency_key, new_hold, zone
from tests.stage.partition_state import Stored, read
from tests.stage.proxy import RedisProxy, listening
from tests.stage.sellers import Seller, prepare, selling

PARTITION = keys.partition_of("Gala", PARTITIONS)
MESSAGES_BEFORE = 1
"""The message that the event was put on sale."""

WANTED = {"by name": new_hold, "the best": lambda **terms: best_hold(zone(), 2, **terms)}


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[RedisProxy]:
    """A proxy before a new Redis with `event()` on sale."""
    await prepare(redis_url)
    async with selling(redis_url) as seller:
        await seller.put_on_sale("Gala")
    async with listening(RedisProxy(redis_url)) as own:
        yield own


def stored(redis_url: str) -> Stored:
    with Redis.from_url(redis_url) as client:
        return read(client, PARTITION)


@pytest.mark.parametrize("how", WANTED)
async def test_a_hold_whose_answer_was_lost_returns_its_seats_and_is_published_once(
    proxy: RedisProxy, redis_url: str, how: str
) -> None:
    wanted: NewHold = WANTED[how](customer_id="ada")
    async with selling(proxy.url) as seller:
        proxy.lose()
        outcome = await seller.holds.hold(wanted)

    after = stored(redis_url)
    assert isinstance(outcome, Made)
    assert (outcome.position, outcome.is_replayed) == (after.last, False)
    [hold] = after.holds.values()
    assert (hold.hold_id, hold.seats) == (wanted.hold.hold_id, outcome.hold.seats)
    assert len(after.messages) == MESSAGES_BEFORE + 1
    assert proxy.scripts_run == 2


@pytest.mark.parametrize("how", WANTED)
async def test_a_hold_whose_answers_were_all_lost_is_returned_when_its_key_is_repeated(
    proxy: RedisProxy, redis_url: str, how: str
) -> None:
    wanted: NewHold = WANTED[how](key=idempotency_key("a key"))
    async with selling(proxy.url) as seller:
        proxy.lose(3)
        with pytest.raises(OutcomeUnknown):
            await seller.holds.hold(wanted)
        repeated = await seller.holds.hold(WANTED[how](key=idempotency_key("a key")))

    after = stored(redis_url)
    assert isinstance(repeated, Made)
    assert (repeated.hold.hold_id, repeated.is_replayed) == (wanted.hold.hold_id, True)
    assert len(after.messages) == MESSAGES_BEFORE + 1


async def test_a_hold_whose_release_was_not_answered_ends_once(proxy: RedisProxy, redis_url: str) -> None:
    wanted = new_hold()
    async with selling(proxy.url) as seller:
        await seller.holds.hold(wanted)
        proxy.lose()
        ended = await seller.holds.end(wanted.hold, is_given_up=True)

    after = stored(redis_url)
    assert ended == Ended("RELEASED", last_of(after))
    assert len(after.messages) == MESSAGES_BEFORE + 2


async def test_an_answered_hold_survives_a_kill_of_redis_and_is_still_due(private_redis: RunningServer) -> None:
    await prepare(private_redis.url)
    async with selling(private_redis.url) as seller:
        await seller.put_on_sale("Gala")
        before = await made(seller, new_hold(customer_id="ada"))
        private_redis.kill()
        private_redis.start()

        after = stored(private_redis.url)
        assert list(after.holds) == [before.hold.hold_id]
        assert list(after.due) == [("H", before.hold.hold_id)]
        assert list(after.held["Gala", "ada"]) == [before.hold.hold_id]
        assert after.last == before.position


async def made(seller: Seller, wanted: NewHold) -> Made:
    """Make a hold, which must succeed."""
    outcome = await seller.holds.hold(wanted)
    assert isinstance(outcome, Made)
    return outcome


def last_of(state: Stored) -> Position:
    assert state.last is not None
    return state.last
