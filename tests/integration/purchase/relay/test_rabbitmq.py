"""The relay on RabbitMQ: an exchange that may have no queue, and queues that may be full."""

from collections.abc import AsyncIterator

import aio_pika
import pytest
from aio_pika.exceptions import DeliveryError
from contracts.position import Position
from contracts.routing import READ_MODEL, WRITE_MODEL
from message_terminal.brokers import rabbitmq_topology
from prometheus_client import REGISTRY

from tests.stage.brokers import OBSERVER, Broker, RabbitMQBroker, channel
from tests.stage.outbox_scenario import LARGE, PARTITION, OutboxScenario, outbox_scenario, positions
from tests.stage.polling import until
from tests.stage.processes.relay import HookedRelay, relaying, running
from tests.stage.published_batches import positions_in

pytestmark = pytest.mark.on_rabbitmq

KIBIBYTE = 1024


@pytest.fixture
async def scenario(redis_url: str) -> AsyncIterator[OutboxScenario]:
    async with outbox_scenario(redis_url) as own:
        yield own


@pytest.fixture
async def exchange(rabbitmq_url: str) -> RabbitMQBroker:
    """An exchange to which no queue is bound yet."""
    own = RabbitMQBroker(rabbitmq_url)
    await own.declare_exchange()
    return own


@pytest.fixture
async def relay(redis_url: str, broker: Broker) -> AsyncIterator[HookedRelay]:
    async with relaying(redis_url, broker.settings) as own:
        yield own


async def publish_until_refused(scenario: OutboxScenario, relay: HookedRelay) -> list[Position]:
    """Sell and publish until the broker refuses a batch; return the positions it has accepted."""
    taken: list[Position] = []
    for row in range(1, LARGE.row_count):
        await scenario.sell(LARGE.col_count, row=row)
        batch = scenario.waiting_positions()
        try:
            await relay.publish_waiting(PARTITION)
        except DeliveryError:
            assert scenario.waiting_positions() == batch
            return taken
        taken += batch
    raise AssertionError("the broker takes everything")


def failures() -> float:
    return REGISTRY.get_sample_value("publish_failures_total") or 0.0


async def test_a_batch_is_persistent(
    scenario: OutboxScenario, relay: HookedRelay, exchange: RabbitMQBroker, rabbitmq_url: str
) -> None:
    await exchange.bind(OBSERVER)
    await scenario.sell(1)

    await relay.publish_waiting(PARTITION)

    async with channel(rabbitmq_url) as opened:
        arrived = await (await opened.get_queue(OBSERVER)).get()
    assert arrived.delivery_mode == aio_pika.DeliveryMode.PERSISTENT


async def test_both_models_get_every_batch(
    scenario: OutboxScenario, relay: HookedRelay, exchange: RabbitMQBroker, rabbitmq_url: str
) -> None:
    await rabbitmq_topology.declare(rabbitmq_url)
    await scenario.sell(10)

    await relay.publish_waiting(PARTITION)

    for queue in (WRITE_MODEL, READ_MODEL):
        async with exchange.published(queue=queue) as published:
            assert len(positions_in((await published.next()).body)) == 11


@pytest.mark.usefixtures("exchange")
async def test_a_batch_that_reaches_no_queue_stays_in_the_outbox(scenario: OutboxScenario, relay: HookedRelay) -> None:
    await scenario.sell(3)
    before = scenario.waiting()

    with pytest.raises(DeliveryError):
        await relay.publish_waiting(PARTITION)

    assert scenario.waiting() == before


async def test_a_batch_that_reaches_no_queue_is_counted_and_published_later(
    scenario: OutboxScenario, relay: HookedRelay, exchange: RabbitMQBroker
) -> None:
    await scenario.sell(3)
    before = failures()
    async with running(relay):
        await until(lambda: failures() > before)
        assert scenario.waiting_positions() == positions(0, 3)

        await exchange.bind(OBSERVER)
        async with exchange.published() as published:
            assert await published.positions(Position(1, 3)) == positions(0, 3)
        await until(lambda: scenario.waiting() == [])


async def test_a_batch_that_a_full_queue_refuses_stays_until_there_is_room(
    scenario: OutboxScenario, relay: HookedRelay, exchange: RabbitMQBroker
) -> None:
    small = {"x-max-length-bytes": 64 * KIBIBYTE, "x-overflow": "reject-publish"}
    await exchange.bind(OBSERVER, arguments=small)
    taken = await publish_until_refused(scenario, relay)
    refused = scenario.waiting_positions()
    assert refused

    async with running(relay), exchange.published() as published:
        assert await published.positions(refused[-1]) == taken + refused
        await until(lambda: scenario.waiting() == [])
