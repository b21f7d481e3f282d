"""The relay publishes what waits, in order and in bounded batches, and forgets only what the broker has on disk."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aio_pika import DeliveryMode
from aio_pika.exceptions import DeliveryError
from contracts.codec import encode_batch, split_batch, with_position
from contracts.position import Position
from contracts.routing import BATCH_CONTENT_TYPE, READ_MODEL, WRITE_MODEL
from contracts.ticket import TicketCancelled, TicketPurchased
from infra_local.running import RunningServer
from message_terminal.brokers import rabbitmq_topology
from prometheus_client import REGISTRY
from purchase import keys
from purchase.relay import BYTES_MAX, ENTRIES_MAX
from redis import Redis

from tests.integration.purchase.arrivals import (
    Arrivals,
    arrivals,
    bind,
    declare_exchange,
    messages_in,
    positions_in,
    until,
)
from tests.integration.purchase.builders import PARTITIONS, cancelled, event, order, zone
from tests.integration.purchase.relays import SeamedRelay, relaying
from tests.integration.purchase.sellers import Seller, prepare, selling
from tests.integration.purchase.stored import StoredMessage, read

PARTITION = keys.partition_of("Gala", PARTITIONS)
OUTBOX = keys.outbox(PARTITION)
ELSEWHERE = "Encore"
"""An event in another partition."""

LARGE = zone(row_count=40, col_count=30)
QUEUE = "observer"
KIBIBYTE = 1024
STOP_SECONDS = 10


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    with Redis.from_url(redis_url) as own:
        yield own


@pytest.fixture
async def seller(redis_url: str, client: Any) -> AsyncIterator[Seller]:
    """A process with an event on sale; one message waits that says so, and in no other partition any."""
    await prepare(redis_url)
    async with selling(redis_url) as own:
        await own.put_on_sale("Gala", zones=(LARGE,))
        client.xtrim(keys.outbox(keys.partition_of("Arena", PARTITIONS)), maxlen=0, approximate=False)
        yield own


@pytest.fixture
async def relay(redis_url: str, rabbitmq_url: str) -> AsyncIterator[SeamedRelay]:
    """A relay in front of the exchange, to which no queue is bound yet."""
    await declare_exchange(rabbitmq_url)
    async with relaying(redis_url, rabbitmq_url) as own:
        yield own


@pytest.fixture
async def arriving(relay: SeamedRelay, rabbitmq_url: str) -> AsyncIterator[Arrivals]:  # noqa: ARG001
    """A queue that is given everything, and what arrives there."""
    await bind(rabbitmq_url, QUEUE)
    async with arrivals(rabbitmq_url, QUEUE) as own:
        yield own


async def sell(seller: Seller, count: int, *, row: int = 1) -> None:
    """Sell so many seats, one after the other in the outbox."""
    places = [(row + number // LARGE.col_count, number % LARGE.col_count + 1) for number in range(count)]
    await asyncio.gather(*(seller.inventory.sell(order(row=place, column=column)) for place, column in places))


async def publish_until_refused(seller: Seller, client: Any, relay: SeamedRelay) -> list[Position]:
    """Sell and publish until the broker refuses a batch; what it has taken before."""
    taken: list[Position] = []
    for row in range(1, LARGE.row_count):
        await sell(seller, LARGE.col_count, row=row)
        batch = [one.position for one in waiting(client)]
        try:
            await relay.publish_waiting(PARTITION)
        except DeliveryError:
            assert [one.position for one in waiting(client)] == batch
            return taken
        taken += batch
    raise AssertionError("the broker takes everything")


def waiting(client: Any) -> list[StoredMessage]:
    return read(client, PARTITION).messages


def add(client: Any, size: int) -> None:
    """Let a message of this size wait."""
    message = b'{"data":"%b"}' % (b"x" * (size - 11))
    client.xadd(OUTBOX, {"message": message, "generation": ""}, id="1-*", nomkstream=True)


@asynccontextmanager
async def running(relay: SeamedRelay) -> AsyncIterator[None]:
    """The relay at work."""
    task = asyncio.create_task(relay.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=STOP_SECONDS)
        assert task.done()


def failures() -> float:
    return REGISTRY.get_sample_value("publish_failures_total") or 0.0


async def test_what_waits_travels_as_one_message_with_positions_and_generations_in_front(
    seller: Seller, client: Any, relay: SeamedRelay, arriving: Arrivals
) -> None:
    sold = order(customer_id="ada")
    await seller.inventory.sell(sold)
    await seller.inventory.cancel(sold.ticket, cancelled(sold.ticket))
    kept = waiting(client)

    assert await relay.publish_waiting(PARTITION) == 3

    arrived = await arriving.next()
    assert arrived.body == encode_batch(with_position(one.message, one.position, one.generation) for one in kept)
    _, purchase, cancellation = messages_in(arrived.body)
    assert isinstance(purchase, TicketPurchased)
    assert isinstance(cancellation, TicketCancelled)
    assert (purchase.position, purchase.generation, purchase.partition) == ("1-1", 1, PARTITION)
    assert (cancellation.position, cancellation.generation) == ("1-2", 1)
    assert purchase.data.ticket_id == sold.ticket.ticket_id


async def test_a_batch_is_persistent_and_says_what_it_is_and_of_which_partition(
    seller: Seller,  # noqa: ARG001
    relay: SeamedRelay,
    arriving: Arrivals,
) -> None:
    await relay.publish_waiting(PARTITION)

    arrived = await arriving.next()
    assert arrived.content_type == BATCH_CONTENT_TYPE
    assert arrived.delivery_mode == DeliveryMode.PERSISTENT
    assert arrived.routing_key == str(PARTITION)


async def test_both_models_are_given_every_batch(seller: Seller, relay: SeamedRelay, rabbitmq_url: str) -> None:
    await rabbitmq_topology.declare(rabbitmq_url)
    await sell(seller, 10)

    await relay.publish_waiting(PARTITION)

    for queue in (WRITE_MODEL, READ_MODEL):
        async with arrivals(rabbitmq_url, queue) as own:
            assert len(positions_in((await own.next()).body)) == 11


async def test_what_was_published_waits_no_more_and_the_clock_goes_on(
    seller: Seller, client: Any, relay: SeamedRelay, arriving: Arrivals
) -> None:
    await sell(seller, 5)
    await relay.publish_waiting(PARTITION)
    assert waiting(client) == []

    await sell(seller, 1, row=2)
    await relay.publish_waiting(PARTITION)

    positions = await arriving.positions(Position(1, 6))
    assert positions == [Position(1, sequence) for sequence in range(7)]


async def test_nothing_is_published_when_nothing_waits(
    seller: Seller,  # noqa: ARG001
    relay: SeamedRelay,
    arriving: Arrivals,
) -> None:
    assert await relay.publish_waiting(PARTITION) == 1
    assert await relay.publish_waiting(PARTITION) == 0
    await arriving.next()
    assert arriving.is_empty()


async def test_a_batch_is_of_one_partition(seller: Seller, relay: SeamedRelay, arriving: Arrivals) -> None:
    await seller.definitions.schedule(event(event_id=ELSEWHERE))
    async with running(relay):
        batches = [await arriving.next() for _ in range(2)]

    told = {arrived.routing_key: {message.partition for message in messages_in(arrived.body)} for arrived in batches}
    assert told == {str(home): {home} for home in (PARTITION, keys.partition_of(ELSEWHERE, PARTITIONS))}


async def test_a_batch_has_at_most_500_messages(seller: Seller, relay: SeamedRelay, arriving: Arrivals) -> None:
    await sell(seller, 1_100)

    published = [await relay.publish_waiting(PARTITION) for _ in range(3)]

    assert published == [ENTRIES_MAX, ENTRIES_MAX, 101]
    positions = [position for _ in range(3) for position in positions_in((await arriving.next()).body)]
    assert positions == [Position(1, sequence) for sequence in range(1_101)]


async def test_a_batch_has_at_most_512_kib_of_messages(
    seller: Seller,  # noqa: ARG001
    client: Any,
    relay: SeamedRelay,
    arriving: Arrivals,
) -> None:
    client.xtrim(OUTBOX, maxlen=0, approximate=False)
    for _ in range(11):
        add(client, 100 * KIBIBYTE)

    published = [await relay.publish_waiting(PARTITION) for _ in range(3)]

    assert published == [5, 5, 1]
    assert [len(split_batch((await arriving.next()).body)) for _ in range(3)] == published


async def test_a_message_that_is_larger_than_a_batch_travels_alone(
    seller: Seller,  # noqa: ARG001
    client: Any,
    relay: SeamedRelay,
    arriving: Arrivals,
) -> None:
    client.xtrim(OUTBOX, maxlen=0, approximate=False)
    for size in (KIBIBYTE, 2 * BYTES_MAX, KIBIBYTE):
        add(client, size)

    published = [await relay.publish_waiting(PARTITION) for _ in range(3)]

    assert published == [1, 1, 1]
    assert [len(split_batch((await arriving.next()).body)) for _ in range(3)] == published


async def test_a_batch_that_no_queue_takes_is_kept(seller: Seller, client: Any, relay: SeamedRelay) -> None:
    await sell(seller, 3)
    before = waiting(client)

    with pytest.raises(DeliveryError):
        await relay.publish_waiting(PARTITION)

    assert waiting(client) == before


async def test_a_batch_that_no_queue_takes_is_counted_and_published_once_one_does(
    seller: Seller, client: Any, relay: SeamedRelay, rabbitmq_url: str
) -> None:
    await sell(seller, 3)
    before = failures()
    async with running(relay):
        await until(lambda: failures() > before)
        assert len(waiting(client)) == 4

        await bind(rabbitmq_url, QUEUE)
        async with arrivals(rabbitmq_url, QUEUE) as own:
            assert await own.positions(Position(1, 3)) == [Position(1, sequence) for sequence in range(4)]
        await until(lambda: waiting(client) == [])


async def test_a_batch_that_a_full_queue_refuses_is_kept_until_there_is_room(
    seller: Seller, client: Any, relay: SeamedRelay, rabbitmq_url: str
) -> None:
    small = {"x-max-length-bytes": 64 * KIBIBYTE, "x-overflow": "reject-publish"}
    await bind(rabbitmq_url, QUEUE, arguments=small)
    taken = await publish_until_refused(seller, client, relay)
    kept = [one.position for one in waiting(client)]
    assert kept

    async with running(relay), arrivals(rabbitmq_url, QUEUE) as own:
        assert await own.positions(kept[-1]) == taken + kept
        await until(lambda: waiting(client) == [])


async def test_a_relay_that_dies_between_publishing_and_trimming_only_repeats(
    seller: Seller, client: Any, relay: SeamedRelay, arriving: Arrivals, redis_url: str, rabbitmq_url: str
) -> None:
    await sell(seller, 3)
    confirmed = asyncio.Event()

    async def die() -> None:
        confirmed.set()
        await asyncio.Event().wait()

    relay.after = die
    async with running(relay), asyncio.timeout(10):
        await confirmed.wait()
    assert len(waiting(client)) == 4

    async with relaying(redis_url, rabbitmq_url) as successor:
        await successor.publish_waiting(PARTITION)

    batches = [await arriving.next() for _ in range(2)]
    assert batches[0].body == batches[1].body
    assert waiting(client) == []


async def test_a_relay_that_lost_its_lease_while_it_published_only_repeats(
    seller: Seller, client: Any, relay: SeamedRelay, arriving: Arrivals, redis_url: str, rabbitmq_url: str
) -> None:
    """The first leader is about to send a batch when the second takes over, which sends it and all that follow."""
    sending, may_send = asyncio.Event(), asyncio.Event()

    async def hesitate() -> None:
        sending.set()
        await may_send.wait()

    relay.before = hesitate
    await sell(seller, 3)
    async with asyncio.timeout(20), running(relay):
        await sending.wait()
        client.delete(*(keys.lease(partition) for partition in range(PARTITIONS)))
        await sell(seller, 5, row=2)
        async with relaying(redis_url, rabbitmq_url) as successor, running(successor):
            by_successor = await arriving.positions(Position(1, 8))
            await until(lambda: waiting(client) == [])
            may_send.set()
            by_former = await arriving.positions(Position(1, 3))
            await sell(seller, 1, row=3)
            afterwards = await arriving.positions(Position(1, 9))

    assert by_successor == [Position(1, sequence) for sequence in range(9)]
    assert by_former == [Position(1, sequence) for sequence in range(4)]
    assert afterwards == [Position(1, 9)]


async def test_a_relay_trims_only_what_it_published_itself(
    seller: Seller, client: Any, relay: SeamedRelay, arriving: Arrivals
) -> None:
    async def sell_more() -> None:
        await sell(seller, 4, row=2)

    await sell(seller, 3)
    relay.after = sell_more

    await relay.publish_waiting(PARTITION)

    assert [one.position for one in waiting(client)] == [Position(1, sequence) for sequence in range(4, 8)]
    assert (await arriving.positions(Position(1, 3)))[-1] == Position(1, 3)
    assert arriving.is_empty()


@pytest.mark.usefixtures("arriving")
async def test_a_relay_that_is_told_to_stop_while_it_is_busy_stops(seller: Seller, relay: SeamedRelay) -> None:
    for row in range(1, 6):
        async with running(relay):
            await sell(seller, LARGE.col_count, row=row)


async def test_of_two_relays_one_publishes_a_partition(
    seller: Seller, relay: SeamedRelay, arriving: Arrivals, redis_url: str, rabbitmq_url: str
) -> None:
    async with relaying(redis_url, rabbitmq_url) as another, running(relay), running(another):
        for row in range(1, 11):
            await sell(seller, 10, row=row)
        positions = await arriving.positions(Position(1, 100))

    told = [position for position in positions if position.sequence]
    assert told == [Position(1, sequence) for sequence in range(1, 101)]


async def test_a_frozen_broker_is_given_up_and_nothing_is_trimmed_until_it_confirms(
    seller: Seller, client: Any, redis_url: str, private_rabbitmq: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("purchase.relay.PUBLISH_SECONDS", 1.0)
    url = private_rabbitmq.url
    await declare_exchange(url)
    await bind(url, QUEUE)
    await sell(seller, 3)
    before = waiting(client)
    async with relaying(redis_url, url) as relay:
        private_rabbitmq.pause()
        try:
            with pytest.raises(TimeoutError):
                await relay.publish_waiting(PARTITION)
        finally:
            private_rabbitmq.resume()
        assert waiting(client) == before

        async with running(relay), arrivals(url, QUEUE) as own:
            positions = await own.positions(Position(1, 3))
            await until(lambda: waiting(client) == [])
    assert positions == [one.position for one in before]
