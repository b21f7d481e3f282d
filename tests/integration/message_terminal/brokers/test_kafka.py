"""The terminal on Kafka: topics, partitions shared by terminals, and counted attempts."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CorruptRecordException
from contracts.routing import MESSAGES, PURCHASE
from infra_local.running import RunningServer
from message_terminal import setup
from message_terminal.brokers import UnusableTopology, kafka_topology
from message_terminal.brokers.kafka import SESSION_MS, Kafka
from message_terminal.delivery import Delivery
from message_terminal.settings import Settings
from message_terminal.stores import StoreUnavailable

from tests.stage.brokers import Broker, KafkaBroker
from tests.stage.messages import PARTITIONS, batch, many_purchased
from tests.stage.mock_kafka import mock_kafka
from tests.stage.processes.terminal import Environment, RunningTerminal, started, until

pytestmark = pytest.mark.starts_processes

JOIN_SECONDS = 5
"""Longer than the mock cluster waits for more members of a group."""


class DeliveryQueue:
    """A receiver that queues its deliveries for the test."""

    model = "read"

    def __init__(self) -> None:
        self._deliveries: asyncio.Queue[Delivery] = asyncio.Queue()

    def receive(self, delivery: Delivery) -> None:
        self._deliveries.put_nowait(delivery)

    async def next(self) -> Delivery:
        """Return the next delivery. Raises TimeoutError."""
        async with asyncio.timeout(20):
            return await self._deliveries.get()


@pytest.fixture
async def servers() -> AsyncIterator[str]:
    """A Kafka that stores the metadata of offsets; it creates each topic that is requested."""
    with mock_kafka() as port:
        async with administering(f"127.0.0.1:{port}") as admin:
            await admin.describe_topics(list(kafka_topology.TOPICS))
        yield f"127.0.0.1:{port}"


@asynccontextmanager
async def administering(servers: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


@asynccontextmanager
async def consuming(servers: str, on_failure: Callable[[str], None] = pytest.fail) -> AsyncIterator[DeliveryQueue]:
    """The deliveries to a running terminal; `on_failure` is called when a consumer fails."""
    deliveries, kafka = DeliveryQueue(), Kafka(servers, idempotence=True, replication=1)
    kafka.subscribe(deliveries)
    try:
        await kafka.connect()
        await kafka.application.start()
        await kafka.supervise(on_failure)
        yield deliveries
    finally:
        await kafka.stop_consuming()
        await kafka.application.stop()


async def test_topics_are_created_once_with_the_number_of_partitions(kafka_servers: str) -> None:
    kafka = Kafka(kafka_servers, idempotence=False, replication=1)
    await asyncio.gather(kafka.declare(PARTITIONS), kafka.declare(PARTITIONS))
    await kafka.declare(PARTITIONS)
    async with administering(kafka_servers) as admin:
        described = await admin.describe_topics([MESSAGES, PURCHASE])
    assert {topic["topic"]: len(topic["partitions"]) for topic in described} == {
        MESSAGES: PARTITIONS,
        PURCHASE: PARTITIONS,
    }
    with pytest.raises(UnusableTopology, match=f"{MESSAGES} has {PARTITIONS} partitions, not 64"):
        await kafka.declare(64)


async def test_a_terminal_does_not_start_without_its_topics(kafka_servers: str) -> None:
    kafka = Kafka(kafka_servers, idempotence=False, replication=1)
    with pytest.raises(StoreUnavailable, match=f"Kafka: UnknownTopicOrPartitionError .*{MESSAGES}"):
        await kafka.connect()


async def test_without_a_backlog_no_attempt_is_recorded_and_no_error_is_logged(
    servers: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with consuming(servers) as deliveries, AIOKafkaProducer(bootstrap_servers=servers) as producer:
        await producer.send_and_wait(MESSAGES, b"first", partition=1)
        assert await next_of(deliveries) == (b"first", 0)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_the_failure_of_a_consumer_is_reported(servers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def corrupt(_: AIOKafkaConsumer) -> None:
        raise CorruptRecordException

    monkeypatch.setattr(AIOKafkaConsumer, "getone", corrupt)
    failures: asyncio.Queue[str] = asyncio.Queue()
    async with consuming(servers, failures.put_nowait):
        assert "CorruptRecordException" in await asyncio.wait_for(failures.get(), 20)


async def test_a_partition_is_consumed_within_the_session_when_its_attempts_cannot_be_recorded(
    servers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(AIOKafkaAdminClient, "list_consumer_group_offsets", never)
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        await producer.send_and_wait(MESSAGES, b"first", partition=1)
    async with asyncio.timeout(SESSION_MS / 1_000 + JOIN_SECONDS), consuming(servers) as deliveries:
        assert await next_of(deliveries) == (b"first", 0)


async def test_a_redelivered_record_has_the_number_of_earlier_attempts(servers: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        for body in (b"first", b"second"):
            await producer.send_and_wait(MESSAGES, body, partition=1)
    async with consuming(servers) as deliveries:
        assert await next_of(deliveries) == (b"first", 0)
    async with consuming(servers) as deliveries:
        first = await deliveries.next()
        assert (first.body, first.redeliveries) == (b"first", 1)
        assert await next_of(deliveries) == (b"second", 0)
        await first.acknowledge()
    async with consuming(servers) as deliveries:
        assert await next_of(deliveries) == (b"second", 0)


async def next_of(deliveries: DeliveryQueue) -> tuple[bytes, int]:
    """The next delivery's body, and the number of earlier deliveries."""
    delivery = await deliveries.next()
    return delivery.body, delivery.redeliveries


@pytest.mark.on_kafka
async def test_a_terminal_is_not_ready_while_kafka_does_not_answer(
    environment: Environment, private_kafka: RunningServer, tmp_path: Path
) -> None:
    broker = KafkaBroker(private_kafka.url, {"KAFKA_IDEMPOTENCE": "false", "KAFKA_REPLICATION": "1"})
    settings = {**environment, **broker.settings, "MODELS": "read"}
    await setup.set_up(Settings.read(settings))
    async with AsyncExitStack() as stack:
        running = await started(stack, settings, tmp_path / "log")
        private_kafka.pause()

        async def reports_it() -> bool:
            answer = await running.answer("/health/ready")
            return answer is not None and answer.status_code == 503 and "Kafka does not answer" in answer.text

        await until(reports_it)
        private_kafka.resume()
        await until(running.is_ready)
        await broker.publish(0, [batch(many_purchased(25, first=0, partition=0))])
        await until(lambda: has_projected(running, 25))


async def has_projected(running: RunningTerminal, count: int) -> bool:
    """Return whether at least so many messages are projected onto the read model."""
    return await running.metric('messages_projected_total{model="read"}') >= count


@pytest.mark.on_kafka
async def test_terminals_share_the_partitions_and_project_each_message_once(
    broker: Broker, environment: Environment, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        both = [await started(stack, environment | {"MODELS": "read"}, tmp_path / name) for name in ("one", "other")]

        async def shares() -> list[float]:
            return [await one.metric('messages_projected_total{model="read"}') for one in both]

        async def all_are_projected() -> bool:
            return sum(await shares()) >= 25 * PARTITIONS

        for partition in range(PARTITIONS):
            sales = many_purchased(25, event_id=f"Event{partition}", first=0, partition=partition)
            await broker.publish(partition, [batch(sales)])
        await until(all_are_projected)
        assert await shares() == [25 * PARTITIONS / 2] * 2
