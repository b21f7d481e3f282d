"""The relay on RabbitMQ: an exchange that may have no queue, and queues that may be full."""

from collections.abc import AsyncIterator

import aio_pika
import pytest
from aio_pika.exceptions import DeliveryError
from contracts.position import Position
from contracts.routing import READ_MODEL, WRITE_MODEL
from message_terminal.brokers import rabbitmq_topology
from prometheus_client import REGISTRY

from tests.stage.arrivals import positions_in, until
from tests.stage.brokers import Wire, channel
from tests.stage.outbox_scenario import LARGE, PARTITION, OutboxScenario, outbox_scenario, positions
from tests.stage.relay_brokers import OBSERVER, RabbitMQLine
from tests.stage.relays import SeamedRelay, relaying, running

pytestmark = pytest.mark.on_rabbitmq

KIBIBYTE = 1024


@pytest.fixture
async def scenario(redis_url: str) -> AsyncIterator[OutboxScenario]:
    async with outbox_scenario(redis_url) as own:
        yield own


@pytest.fixture
async def line(rabbitmq_url: str) -> RabbitMQLine:
    """An exchange to which no queue is bound yet."""
    own = RabbitMQLine(rabbitmq_url)
    await own.declare_exchange()
    return own


@pytest.fixture
async def relay(redis_url: str, wire: Wire) -> AsyncIterator[SeamedRelay]:
    async with relaying(redis_url, wire.settings) as own:
        yield own


async def publish_until_refused(scenario: OutboxScenario, relay: SeamedRelay) -> list[Position]:
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
    scenario: OutboxScenario, relay: SeamedRelay, line: RabbitMQLine, rabbitmq_url: str
) -> None:
    await line.bind(OBSERVER)
    await scenario.sell(1)

    await relay.publish_waiting(PARTITION)

    async with channel(rabbitmq_url) as opened:
        arrived = await (await opened.get_queue(OBSERVER)).get()
    assert arrived.delivery_mode == aio_pika.DeliveryMode.PERSISTENT


async def test_both_models_get_every_batch(
    scenario: OutboxScenario, relay: SeamedRelay, line: RabbitMQLine, rabbitmq_url: str
) -> None:
    await rabbitmq_topology.declare(rabbitmq_url)
    await scenario.sell(10)

    await relay.publish_waiting(PARTITION)

    for queue in (WRITE_MODEL, READ_MODEL):
        async with line.arrivals(queue=queue) as arriving:
            assert len(positions_in((await arriving.next()).body)) == 11


@pytest.mark.usefixtures("line")
async def test_a_batch_that_reaches_no_queue_stays_in_the_outbox(scenario: OutboxScenario, relay: SeamedRelay) -> None:
    await scenario.sell(3)
    before = scenario.waiting()

    with pytest.raises(DeliveryError):
        await relay.publish_waiting(PARTITION)

    assert scenario.waiting() == before


async def test_a_batch_that_reaches_no_queue_is_counted_and_published_later(
    scenario: OutboxScenario, relay: SeamedRelay, line: RabbitMQLine
) -> None:
    await scenario.sell(3)
    before = failures()
    async with running(relay):
        await until(lambda: failures() > before)
        assert scenario.waiting_positions() == positions(0, 3)

        await line.bind(OBSERVER)
        async with line.arrivals() as arriving:
            assert await arriving.positions(Position(1, 3)) == positions(0, 3)
        await until(lambda: scenario.waiting() == [])


async def test_a_batch_that_a_full_queue_refuses_stays_until_there_is_room(
    scenario: OutboxScenario, relay: SeamedRelay, line: RabbitMQLine
) -> None:
    small = {"x-max-length-bytes": 64 * KIBIBYTE, "x-overflow": "reject-publish"}
    await line.bind(OBSERVER, arguments=small)
    taken = await publish_until_refused(scenario, relay)
    refused = scenario.waiting_positions()
    assert refused

    async with running(relay), line.arrivals() as arriving:
        assert await arriving.positions(refused[-1]) == taken + refused
        await until(lambda: scenario.waiting() == [])
