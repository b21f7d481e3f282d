"""A call whose answer was lost is retried, and never reported as undone unless nothing was done."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from contracts.position import Position
from infra_local.running import RunningServer
from purchase.seats.inventory import Order, Replayed, Sold
from purchase.store import keys
from purchase.store.connection import ANSWER_SECONDS, OutcomeUnknown, Recovering
from redis import Redis

from tests.stage.builders import PARTITIONS, cancelled, idempotency_key, order
from tests.stage.partition_state import Stored, read
from tests.stage.proxy import RedisProxy, listening
from tests.stage.sellers import Seller, prepare, selling

PARTITION = keys.partition_of("Gala", PARTITIONS)
MESSAGES_BEFORE = 1
"""The event was put on sale."""


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[RedisProxy]:
    """A connection to an installed Redis with `event()` on sale, on which answers can be lost."""
    await prepare(redis_url)
    async with selling(redis_url) as seller:
        await seller.put_on_sale("Gala")
    async with listening(RedisProxy(redis_url)) as own:
        yield own


def stored(redis_url: str) -> Stored:
    with Redis.from_url(redis_url) as client:
        return read(client, PARTITION)


async def test_a_sale_whose_answer_was_lost_is_answered_as_sold_and_published_once(
    proxy: RedisProxy, redis_url: str
) -> None:
    wanted = order()
    async with selling(proxy.url) as seller:
        proxy.lose()
        outcome = await seller.inventory.sell(wanted)

    after = stored(redis_url)
    assert outcome == Sold(after.messages[-1].position)
    assert list(after.tickets) == [wanted.ticket.ticket_id]
    assert len(after.messages) == MESSAGES_BEFORE + 1
    assert proxy.scripts_run == 2


async def test_a_cancellation_whose_answer_was_lost_is_published_once(proxy: RedisProxy, redis_url: str) -> None:
    wanted = order()
    async with selling(proxy.url) as seller:
        await seller.inventory.sell(wanted)
        proxy.lose()
        outcome = await seller.inventory.cancel(wanted.ticket, cancelled(wanted.ticket))

    after = stored(redis_url)
    assert outcome.position == after.last
    assert len(after.messages) == MESSAGES_BEFORE + 2


async def test_a_sale_whose_answers_are_all_lost_has_an_unknown_outcome_until_it_is_retried(
    proxy: RedisProxy, redis_url: str
) -> None:
    wanted = order(key=idempotency_key("a key"))
    async with selling(proxy.url) as seller:
        proxy.lose(3)
        with pytest.raises(OutcomeUnknown):
            await seller.inventory.sell(wanted)
        assert proxy.scripts_run == 3
        repeated = await seller.inventory.sell(order(key=idempotency_key("a key")))

    after = stored(redis_url)
    assert repeated == Replayed(wanted.ticket, after.messages[-1].position)
    assert len(after.messages) == MESSAGES_BEFORE + 1


async def test_a_sale_that_filled_the_outbox_and_lost_its_answer_is_not_reported_as_undone(
    proxy: RedisProxy, redis_url: str
) -> None:
    wanted = order()
    async with selling(proxy.url, outbox_max=MESSAGES_BEFORE + 1) as seller:
        proxy.lose()
        with pytest.raises(OutcomeUnknown):
            await seller.inventory.sell(wanted)

    assert list(stored(redis_url).tickets) == [wanted.ticket.ticket_id]


async def test_a_sale_whose_answer_was_lost_with_the_stream_is_not_reported_as_undone(
    proxy: RedisProxy, redis_url: str
) -> None:
    wanted = order()
    with Redis.from_url(redis_url) as client:
        async with selling(proxy.url) as seller:
            proxy.lose(meanwhile=lambda: client.delete(keys.outbox(PARTITION)))
            with pytest.raises(OutcomeUnknown):
                await seller.inventory.sell(wanted)
            with pytest.raises(Recovering):
                await seller.inventory.sell(order(column=2))

    assert list(stored(redis_url).tickets) == [wanted.ticket.ticket_id]


@pytest.fixture
async def killable(private_redis: RunningServer) -> RunningServer:
    """A private, installed Redis with `event()` on sale."""
    await prepare(private_redis.url)
    async with selling(private_redis.url) as seller:
        await seller.put_on_sale("Gala")
    return private_redis


async def test_a_sale_that_a_silent_redis_does_not_answer_has_an_unknown_outcome_until_it_is_retried(
    killable: RunningServer,
) -> None:
    wanted = order(key=idempotency_key("a key"))
    async with selling(killable.url) as seller:
        await seller.inventory.sell(order(row=2))
        killable.pause()
        try:
            with pytest.raises(OutcomeUnknown):
                async with asyncio.timeout(ANSWER_SECONDS + 1):
                    await seller.inventory.sell(wanted)
        finally:
            killable.resume()
        repeated = await seller.inventory.sell(wanted)
        with_its_key = await seller.inventory.sell(order(key=idempotency_key("a key")))

    after = stored(killable.url)
    assert isinstance(repeated, Sold)
    assert with_its_key == Replayed(wanted.ticket, after.messages[-1].position)
    assert [message.generation for message in after.messages] == [None, 1, 1]


async def test_orders_queued_behind_a_silent_redis_fail_as_soon_as_those_before_them(
    killable: RunningServer,
) -> None:
    async with selling(killable.url) as seller:
        await seller.inventory.sell(order(row=2))
        killable.pause()
        try:
            async with asyncio.timeout(ANSWER_SECONDS + 1):
                outcomes = await asyncio.gather(
                    *(seller.inventory.sell(order()) for _ in range(300)), return_exceptions=True
                )
        finally:
            killable.resume()

    assert {type(outcome) for outcome in outcomes} == {OutcomeUnknown}


async def test_a_sale_that_was_answered_survives_kill_9_with_its_message(killable: RunningServer) -> None:
    sold = [order(row=row, column=column) for row in (1, 2) for column in (1, 2, 3)]
    async with selling(killable.url) as seller:
        positions = [await _position_of(seller, wanted) for wanted in sold]
        killable.kill()
        killable.start()

        after = stored(killable.url)
        assert set(after.tickets) == {wanted.ticket.ticket_id for wanted in sold}
        assert [message.position for message in after.messages[MESSAGES_BEFORE:]] == positions
        assert [await _position_of(seller, wanted) for wanted in sold] == [positions[-1]] * len(sold)


async def test_a_restarted_redis_gets_its_scripts_again(killable: RunningServer) -> None:
    async with selling(killable.url) as seller:
        await seller.inventory.sell(order())
        killable.restart()
        assert isinstance(await seller.inventory.sell(order(column=2)), Sold)


async def test_an_unavailable_redis_is_never_mistaken_for_a_refusal(killable: RunningServer) -> None:
    async with selling(killable.url) as seller:
        await seller.inventory.sell(order())
        killable.kill()
        with pytest.raises(OutcomeUnknown):
            await seller.inventory.sell(order(column=2))
        with pytest.raises(Recovering):
            await seller.inventory.ticket(order().ticket.ticket_id)


async def _position_of(seller: Seller, wanted: Order) -> Position:
    outcome = await seller.inventory.sell(wanted)
    assert isinstance(outcome, Sold)
    return outcome.position
