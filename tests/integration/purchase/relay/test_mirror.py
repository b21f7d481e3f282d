"""Moving to another broker: both get every message, or both are consumed; nothing is lost."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from contracts.position import Position
from infra_local.running import RunningServer
from purchase.store import keys

from tests.stage.brokers import Broker, private_broker
from tests.stage.outbox_scenario import PARTITION, OutboxScenario, outbox_scenario, positions
from tests.stage.polling import until
from tests.stage.processes.relay import relay_process, relaying, running
from tests.stage.published_batches import PublishedBatches


@pytest.fixture
async def scenario(redis_url: str) -> AsyncIterator[OutboxScenario]:
    async with outbox_scenario(redis_url) as own:
        yield own


@asynccontextmanager
async def observed(broker: Broker) -> AsyncIterator[PublishedBatches]:
    """Observe the messages that arrive at this broker."""
    await broker.declare()
    async with broker.published(PARTITION) as published:
        yield published


async def test_both_get_every_message_in_order_and_one_that_either_lacks_is_not_deleted(
    scenario: OutboxScenario,
    redis_url: str,
    private_rabbitmq: RunningServer,
    private_kafka: RunningServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("purchase.relay.PUBLISH_SECONDS", 1.0)
    servers = {"rabbitmq": private_rabbitmq, "kafka": private_kafka}
    brokers = {name: private_broker(name, server) for name, server in servers.items()}
    arrived: dict[str, list[Position]] = {name: [] for name in servers}
    async with AsyncExitStack() as stack:
        published = {name: await stack.enter_async_context(observed(brokers[name])) for name in servers}

        async def collect(name: str, last: int) -> None:
            arrived[name] += await published[name].positions(Position(1, last))

        both = {**brokers["kafka"].settings, **brokers["rabbitmq"].settings, "MIRROR_BROKER": "kafka"}
        await stack.enter_async_context(running(await stack.enter_async_context(relaying(redis_url, both))))
        for away, present, row in (("rabbitmq", "kafka", 1), ("kafka", "rabbitmq", 3)):
            await until(lambda: scenario.waiting() == [])
            servers[away].pause()
            try:
                await scenario.sell(10, row=row)
                await collect(present, 10 * row)
                assert len(scenario.waiting()) == 10
            finally:
                servers[away].resume()
            await scenario.sell(10, row=row + 1)
            for name in servers:
                await collect(name, 10 * (row + 1))
        await until(lambda: scenario.waiting() == [])

    for name in servers:
        assert list(dict.fromkeys(arrived[name])) == positions(0, 40)


async def test_a_drained_broker_is_consumed_and_gets_no_more_messages(
    scenario: OutboxScenario, redis_url: str, rabbitmq_broker: Broker, kafka_broker: Broker
) -> None:
    async with observed(rabbitmq_broker) as published_there, observed(kafka_broker) as published:
        await rabbitmq_broker.publish_to_purchase(PARTITION, b"what is left")
        settings = {**rabbitmq_broker.settings, **kafka_broker.settings, "DRAIN_BROKER": rabbitmq_broker.name}
        with relay_process(redis_url, settings):
            await scenario.sell(3)
            await published.positions(Position(1, 3))
            await until(lambda: scenario.waiting() == [])
            await until(lambda: scenario.client.xlen(keys.cases(0)) == 1)

        assert published_there.is_empty()
