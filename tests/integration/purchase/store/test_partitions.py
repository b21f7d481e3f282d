"""A Redis that has lost state, is full or cannot write changes nothing, and the call is refused."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from infra_local.running import RunningServer
from purchase.seats.inventory import Sold
from purchase.store import keys
from purchase.store.connection import Overloaded, Recovering, connect
from purchase.store.partitions import Partitions
from redis import Redis

from tests.stage.builders import PARTITIONS, cancelled, idempotency_key, order
from tests.stage.partition_state import read
from tests.stage.sellers import Seller, prepare, selling

PARTITION = keys.partition_of("Gala", PARTITIONS)
ANOTHER = (PARTITION + 1) % PARTITIONS


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    with Redis.from_url(redis_url) as own:
        yield own


@pytest.fixture
async def seller(redis_url: str) -> AsyncIterator[Seller]:
    """A process that has sold a seat."""
    await prepare(redis_url)
    async with selling(redis_url) as own:
        await own.put_on_sale("Gala")
        await own.inventory.sell(order(row=2))
        yield own


async def test_a_redis_in_which_every_partition_has_its_outbox_is_ready(seller: Seller) -> None:
    assert await seller.partitions.ready()


@pytest.mark.parametrize("lost", [keys.outbox(ANOTHER), keys.epoch(ANOTHER)])
async def test_a_redis_that_lost_an_outbox_or_an_epoch_is_not_ready(seller: Seller, client: Any, lost: str) -> None:
    client.delete(lost)
    assert not await seller.partitions.ready()


async def test_an_unavailable_redis_is_not_ready(private_redis: RunningServer) -> None:
    redis = connect(private_redis.url)
    private_redis.kill()
    assert not await Partitions(redis, count=PARTITIONS, outbox_max=1).ready()
    await redis.aclose()


async def test_a_redis_of_the_same_number_of_partitions_is_accepted(seller: Seller) -> None:
    await seller.partitions.check_partitions()


async def test_a_redis_of_another_number_of_partitions_ends_the_process(seller: Seller, client: Any) -> None:
    client.set(keys.PARTITIONS, 64)
    with pytest.raises(SystemExit, match=f"PARTITIONS is {PARTITIONS}, but Redis was installed for 64"):
        await seller.partitions.check_partitions()


@pytest.mark.parametrize("lost", [keys.outbox(PARTITION), keys.epoch(PARTITION)])
async def test_a_partition_without_outbox_or_epoch_sells_nothing_and_creates_none(
    seller: Seller, client: Any, lost: str
) -> None:
    client.delete(lost)
    before = read(client, PARTITION)

    for wanted in (order(), order(column=2)):
        with pytest.raises(Recovering):
            await seller.inventory.sell(wanted)

    assert read(client, PARTITION) == before
    assert not client.exists(lost)


async def test_an_outbox_that_is_no_stream_is_not_trusted(seller: Seller, client: Any) -> None:
    client.set(keys.outbox(PARTITION), "something else")
    with pytest.raises(Recovering):
        await seller.inventory.sell(order())


async def test_an_epoch_behind_the_last_position_is_not_trusted(seller: Seller, client: Any) -> None:
    client.set(keys.epoch(PARTITION), 3)
    with pytest.raises(Recovering):
        await seller.inventory.sell(order())
    await seller.inventory.sell(order())
    client.set(keys.epoch(PARTITION), 2)

    newcomer = seller.another()

    with pytest.raises(Recovering):
        await newcomer.inventory.sell(order(column=2))


async def test_cancelling_and_recalling_are_refused_by_a_redis_that_is_not_trusted(seller: Seller, client: Any) -> None:
    wanted = order(key=idempotency_key("a key"))
    await seller.inventory.sell(wanted)
    client.delete(keys.outbox(PARTITION))

    with pytest.raises(Recovering):
        await seller.inventory.cancel(wanted.ticket, cancelled(wanted.ticket))
    with pytest.raises(Recovering):
        await seller.inventory.recall(PARTITION, idempotency_key("a key"))


async def test_a_full_outbox_has_room_again_once_a_message_is_published(seller: Seller, client: Any) -> None:
    waiting = client.xrange(keys.outbox(PARTITION))
    bounded = seller.another(outbox_max=len(waiting))

    with pytest.raises(Overloaded):
        await bounded.inventory.sell(order())
    client.xdel(keys.outbox(PARTITION), waiting[0][0])

    assert isinstance(await bounded.inventory.sell(order()), Sold)


@pytest.fixture
async def private_seller(private_redis: RunningServer) -> AsyncIterator[Seller]:
    """A process on a private Redis that has sold a seat."""
    await prepare(private_redis.url)
    async with selling(private_redis.url) as own:
        await own.put_on_sale("Gala")
        await own.inventory.sell(order(row=2))
        yield own


async def test_a_redis_without_memory_is_overloaded_and_loses_nothing(
    private_seller: Seller, private_redis: RunningServer
) -> None:
    with Redis.from_url(private_redis.url) as client:
        before = read(client, PARTITION)
        client.config_set("maxmemory", 1)

        with pytest.raises(Overloaded):
            await private_seller.inventory.sell(order())

        client.config_set("maxmemory", 0)
        assert read(client, PARTITION) == before
    assert isinstance(await private_seller.inventory.sell(order()), Sold)


async def test_a_redis_that_has_become_a_replica_sells_nothing(
    private_seller: Seller, private_redis: RunningServer
) -> None:
    with Redis.from_url(private_redis.url) as client:
        before = read(client, PARTITION)
        client.replicaof("127.0.0.1", "1")

        with pytest.raises(Recovering):
            await private_seller.inventory.sell(order())

        client.replicaof("NO", "ONE")
        assert read(client, PARTITION) == before
