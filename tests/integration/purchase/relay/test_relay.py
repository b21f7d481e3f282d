"""The relay publishes messages in order, in bounded batches, and deletes only confirmed ones."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from contracts.codec import encode_batch, split_batch, with_position
from contracts.position import Position
from contracts.routing import BATCH_CONTENT_TYPE
from contracts.ticket import TicketCancelled, TicketPurchased
from infra_local.running import RunningServer
from purchase.relay import BYTES_MAX, ENTRIES_MAX
from purchase.store import keys

from tests.stage.brokers import Broker, private_broker
from tests.stage.builders import PARTITIONS, cancelled, event, order
from tests.stage.outbox_scenario import LARGE, PARTITION, OutboxScenario, outbox_scenario, positions
from tests.stage.polling import until
from tests.stage.processes.relay import HookedRelay, relaying, running
from tests.stage.published_batches import PublishedBatches, messages_in, positions_in

ELSEWHERE = "Encore"
"""An event in another partition."""

KIBIBYTE = 1024


@pytest.fixture
async def scenario(redis_url: str) -> AsyncIterator[OutboxScenario]:
    async with outbox_scenario(redis_url) as own:
        yield own


@pytest.fixture
async def published(broker: Broker) -> AsyncIterator[PublishedBatches]:
    """Observe every message that is published."""
    await broker.declare()
    async with broker.published() as own:
        yield own


@pytest.fixture
async def relay(redis_url: str, broker: Broker, published: PublishedBatches) -> AsyncIterator[HookedRelay]:  # noqa: ARG001
    async with relaying(redis_url, broker.settings) as own:
        yield own


async def test_messages_are_published_as_one_batch_with_positions_and_generations_in_front(
    scenario: OutboxScenario, relay: HookedRelay, published: PublishedBatches
) -> None:
    sold = order(customer_id="ada")
    await scenario.seller.inventory.sell(sold)
    await scenario.seller.inventory.cancel(sold.ticket, cancelled(sold.ticket))
    messages = scenario.waiting()

    assert await relay.publish_waiting(PARTITION) == 3

    arrived = await published.next()
    assert arrived.body == encode_batch(with_position(one.message, one.position, one.generation) for one in messages)
    _, purchase, cancellation = messages_in(arrived.body)
    assert isinstance(purchase, TicketPurchased)
    assert isinstance(cancellation, TicketCancelled)
    assert (purchase.position, purchase.generation, purchase.partition) == ("1-1", 1, PARTITION)
    assert (cancellation.position, cancellation.generation) == ("1-2", 1)
    assert purchase.data.ticket_id == sold.ticket.ticket_id


@pytest.mark.usefixtures("scenario")
async def test_a_batch_carries_its_content_type_and_its_partition(
    relay: HookedRelay, published: PublishedBatches
) -> None:
    await relay.publish_waiting(PARTITION)

    arrived = await published.next()
    assert (arrived.partition, arrived.content_type) == (PARTITION, BATCH_CONTENT_TYPE)


async def test_published_messages_are_deleted_and_the_positions_continue(
    scenario: OutboxScenario, relay: HookedRelay, published: PublishedBatches
) -> None:
    await scenario.sell(5)
    await relay.publish_waiting(PARTITION)
    assert scenario.waiting() == []

    await scenario.sell(1, row=2)
    await relay.publish_waiting(PARTITION)

    assert await published.positions(Position(1, 6)) == positions(0, 6)


@pytest.mark.usefixtures("scenario")
async def test_nothing_is_published_from_an_empty_outbox(relay: HookedRelay, published: PublishedBatches) -> None:
    assert await relay.publish_waiting(PARTITION) == 1
    assert await relay.publish_waiting(PARTITION) == 0
    await published.next()
    assert published.is_empty()


async def test_a_batch_is_of_one_partition(
    scenario: OutboxScenario, relay: HookedRelay, published: PublishedBatches
) -> None:
    await scenario.seller.definitions.schedule(event(event_id=ELSEWHERE))
    async with running(relay):
        batches = [await published.next() for _ in range(2)]

    partitions = {
        arrived.partition: {message.partition for message in messages_in(arrived.body)} for arrived in batches
    }
    assert partitions == {home: {home} for home in (PARTITION, keys.partition_of(ELSEWHERE, PARTITIONS))}


async def test_a_batch_has_at_most_500_messages(
    scenario: OutboxScenario, relay: HookedRelay, published: PublishedBatches
) -> None:
    await scenario.sell(1_100)

    sizes = [await relay.publish_waiting(PARTITION) for _ in range(3)]

    assert sizes == [ENTRIES_MAX, ENTRIES_MAX, 101]
    arrived = [position for _ in range(3) for position in positions_in((await published.next()).body)]
    assert arrived == positions(0, 1_100)


async def test_a_batch_has_at_most_512_kib_of_messages(
    scenario: OutboxScenario, relay: HookedRelay, published: PublishedBatches
) -> None:
    scenario.empty_outbox()
    for _ in range(11):
        scenario.add(100 * KIBIBYTE)

    sizes = [await relay.publish_waiting(PARTITION) for _ in range(3)]

    assert sizes == [5, 5, 1]
    assert [len(split_batch((await published.next()).body)) for _ in range(3)] == sizes


async def test_a_message_larger_than_a_batch_is_published_alone(
    scenario: OutboxScenario, relay: HookedRelay, published: PublishedBatches
) -> None:
    scenario.empty_outbox()
    for size in (KIBIBYTE, 2 * BYTES_MAX, KIBIBYTE):
        scenario.add(size)

    sizes = [await relay.publish_waiting(PARTITION) for _ in range(3)]

    assert sizes == [1, 1, 1]
    assert [len(split_batch((await published.next()).body)) for _ in range(3)] == sizes


async def test_a_relay_that_dies_between_publishing_and_deleting_only_repeats(
    scenario: OutboxScenario, relay: HookedRelay, published: PublishedBatches, redis_url: str, broker: Broker
) -> None:
    await scenario.sell(3)
    confirmed = asyncio.Event()

    async def die() -> None:
        confirmed.set()
        await asyncio.Event().wait()

    relay.after = die
    async with running(relay), asyncio.timeout(10):
        await confirmed.wait()
    assert len(scenario.waiting()) == 4

    async with relaying(redis_url, broker.settings) as successor:
        await successor.publish_waiting(PARTITION)

    batches = [await published.next() for _ in range(2)]
    assert batches[0].body == batches[1].body
    assert scenario.waiting() == []


async def test_a_relay_that_lost_its_lease_while_it_published_only_repeats(
    scenario: OutboxScenario, relay: HookedRelay, published: PublishedBatches, redis_url: str, broker: Broker
) -> None:
    """A second relay takes over before the first sends a batch, and sends it and all later ones."""
    sending, may_send = asyncio.Event(), asyncio.Event()

    async def hesitate() -> None:
        sending.set()
        await may_send.wait()

    relay.before = hesitate
    await scenario.sell(3)
    async with asyncio.timeout(20), running(relay):
        await sending.wait()
        scenario.client.delete(*(keys.lease(partition) for partition in range(PARTITIONS)))
        await scenario.sell(5, row=2)
        async with relaying(redis_url, broker.settings) as successor, running(successor):
            by_successor = await published.positions(Position(1, 8))
            await until(lambda: scenario.waiting() == [])
            may_send.set()
            by_former = await published.positions(Position(1, 3))
            await scenario.sell(1, row=3)
            afterwards = await published.positions(Position(1, 9))

    assert by_successor == positions(0, 8)
    assert by_former == positions(0, 3)
    assert afterwards == [Position(1, 9)]


async def test_a_relay_deletes_only_messages_that_it_published_itself(
    scenario: OutboxScenario, relay: HookedRelay, published: PublishedBatches
) -> None:
    async def sell_more() -> None:
        await scenario.sell(4, row=2)

    await scenario.sell(3)
    relay.after = sell_more

    await relay.publish_waiting(PARTITION)

    assert scenario.waiting_positions() == positions(4, 7)
    assert (await published.positions(Position(1, 3)))[-1] == Position(1, 3)
    assert published.is_empty()


async def test_a_busy_relay_stops_when_it_is_cancelled(scenario: OutboxScenario, relay: HookedRelay) -> None:
    for row in range(1, 6):
        async with running(relay):
            await scenario.sell(LARGE.col_count, row=row)


async def test_of_two_relays_one_publishes_a_partition(
    scenario: OutboxScenario, relay: HookedRelay, published: PublishedBatches, redis_url: str, broker: Broker
) -> None:
    async with relaying(redis_url, broker.settings) as another, running(relay), running(another):
        for row in range(1, 11):
            await scenario.sell(10, row=row)
        arrived = await published.positions(Position(1, 100))

    assert [position for position in arrived if position.sequence] == positions(1, 100)


async def test_a_frozen_broker_times_out_and_nothing_is_deleted_until_it_confirms(
    scenario: OutboxScenario,
    redis_url: str,
    broker: Broker,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("purchase.relay.PUBLISH_SECONDS", 1.0)
    server: RunningServer = request.getfixturevalue(f"private_{broker.name}")
    private = private_broker(broker.name, server)
    await private.declare()
    await scenario.sell(3)
    before = scenario.waiting()
    async with relaying(redis_url, private.settings) as relay:
        server.pause()
        try:
            with pytest.raises(TimeoutError):
                await relay.publish_waiting(PARTITION)
        finally:
            server.resume()
        assert scenario.waiting() == before

        async with running(relay), private.published(PARTITION) as published:
            arrived = await published.positions(Position(1, 3))
            await until(lambda: scenario.waiting() == [])
    assert arrived == [one.position for one in before]
